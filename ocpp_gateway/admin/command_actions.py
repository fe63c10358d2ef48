"""Every command as an action on the list of charge points: choose stations, fill in, and see what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from rest_framework.exceptions import ValidationError

from chargepoints.admin.charge_points import ChargePointAdmin
from chargepoints.commands import NewCommand
from chargepoints.models import ChargePoint
from csms.errors import CsmsError
from ocpp_gateway.admin.commands import MOST_STATIONS
from ocpp_gateway.admin.parameters_form import ParametersForm, form_of
from ocpp_gateway.command_rest import new_command, submit_command, typed_command
from ocpp_gateway.commands import VERBS
from ocpp_gateway.commands.verb import Verb
from ocpp_gateway.protocol.versions import version_of
from tenants.clients import Document
from tenants.context import require_tenant

Action = Callable[[ChargePointAdmin, HttpRequest, QuerySet[ChargePoint]], HttpResponse]


def action_of(verb: Verb) -> Action:
    """Return a command as an action of the list of charge points."""

    @admin.action(description=f"{verb.name}: {verb.summary}", permissions=["command"])
    def action(page: ChargePointAdmin, request: HttpRequest, chosen: QuerySet[ChargePoint]) -> HttpResponse:
        return _answer(page, request, list(chosen[: MOST_STATIONS + 1]), verb)

    action.__name__ = verb.name.replace("-", "_")
    return action


def _answer(page: ChargePointAdmin, request: HttpRequest, stations: list[ChargePoint], verb: Verb) -> HttpResponse:
    if len(stations) > MOST_STATIONS:
        page.message_user(request, f"Choose {MOST_STATIONS} charge points at most.", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())
    sending = "send" in request.POST
    form = form_of(verb)(request.POST if sending else None, prefix=verb.name)
    if sending and form.is_valid():
        commands = _commands(request, form, stations, verb)
        if form.is_valid():
            return _shown(page, request, stations, async_to_sync(_submit_all)(require_tenant(), commands))
    context = {
        **page.admin_site.each_context(request),
        "title": verb.summary,
        "form": form,
        "stations": stations,
        "action": verb.name.replace("-", "_"),
        "checkbox": ACTION_CHECKBOX_NAME,
        "list_page": request.get_full_path(),
    }
    return TemplateResponse(request, "csms/station_command.html", context)


def _commands(request: HttpRequest, form: ParametersForm, stations: list[ChargePoint], verb: Verb) -> list[NewCommand]:
    """Return the commands for all stations; what is wrong with one of them is shown in the form, and none is sent."""
    commands = []
    for station in stations:
        try:
            name, payload = typed_command(verb, station, version_of(station.ocpp_version), form.parameters())
            commands.append(new_command(station, name, payload, requested_by=request.user.get_username()))
        except ValidationError as error:
            form.add_errors(error.detail)
            break
    return commands


async def _submit_all(slug: str, commands: list[NewCommand]) -> list[Document | BaseException]:
    return await asyncio.gather(*(submit_command(slug, one) for one in commands), return_exceptions=True)


def _shown(
    page: ChargePointAdmin, request: HttpRequest, stations: list[ChargePoint], outcomes: list[Document | BaseException]
) -> HttpResponse:
    """Return the way to the answers; who was not sent anything is named, with the reason."""
    asked = []
    for station, outcome in zip(stations, outcomes, strict=True):
        if isinstance(outcome, CsmsError):
            page.message_user(request, f"{station.pk}: {outcome.detail}.", messages.ERROR)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            asked.append(outcome["_id"])
    if not asked:
        return HttpResponseRedirect(request.get_full_path())
    query: Any = urlencode({"id": asked}, doseq=True)
    return HttpResponseRedirect(f"{reverse('admin:chargepoints_command_answers')}?{query}")


ChargePointAdmin.actions = [*ChargePointAdmin.actions, *(action_of(verb) for verb in VERBS.values())]

"""One's own second factor: set up with an app, confirmed, shown its recovery codes, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import segno
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from rest_framework.exceptions import Throttled

from csms.errors import CsmsError
from tenants.audit.log_ins import record_own_deed
from tenants.second_factors import (
    begin,
    check_second_factor,
    confirm,
    has_second_factor,
    pending_secret,
    provisioning_uri,
    remove,
)

if TYPE_CHECKING:
    from tenants.admin_site.site import OperatorSite


def second_factor_view(request: HttpRequest, site: OperatorSite) -> HttpResponse:
    """Answer the page, and what is posted on it: `begin`, `confirm` or `remove`."""
    deed = request.POST.get("deed", "") if request.method == "POST" else ""
    shown: dict[str, Any] = {}
    try:
        shown = _DEEDS[deed](request) if deed in _DEEDS else {}
    except CsmsError as error:
        shown = {"trouble": error.detail}
    except Throttled as error:
        shown = {"trouble": str(error.detail)}
    secret = pending_secret(request.user)
    context = {
        **site.each_context(request),
        "title": "Second factor",
        "active": has_second_factor(request.user),
        "secret": secret,
        "code": _qr_code(request, secret) if secret else "",
        **shown,
    }
    # Secret and recovery codes must stay in no cache.
    return TemplateResponse(request, "csms/second_factor.html", context, headers={"Cache-Control": "no-store"})


def _begin(request: HttpRequest) -> dict[str, Any]:
    begin(request.user)
    return {}


def _confirm(request: HttpRequest) -> dict[str, Any]:
    codes = confirm(request.user, request.POST.get("otp", ""))
    record_own_deed(request.user, "second_factor_on")
    return {"recovery_codes": codes}


def _remove(request: HttpRequest) -> dict[str, Any]:
    check_second_factor(request.user, request.POST.get("otp", ""))
    remove(request.user)
    record_own_deed(request.user, "second_factor_off")
    return {}


_DEEDS = {"begin": _begin, "confirm": _confirm, "remove": _remove}


def _qr_code(request: HttpRequest, secret: str) -> str:
    return str(segno.make(provisioning_uri(request.user, secret)).svg_data_uri(scale=5, border=2, light="white"))

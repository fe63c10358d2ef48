"""`/healthz` and `/readyz`, for whatever watches over the process; outside the API, without a token."""

from __future__ import annotations

import pymongo
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from pymongo.errors import PyMongoError

from csms.problems import problem
from tenants.clients import sync_client

READY_SECONDS = 2


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """Answer that the process serves requests, whatever it depends on."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 if MongoDB answers within two seconds, else 503. Redis and MQTT are not asked: without them
    stations are still served.
    """
    try:
        with pymongo.timeout(READY_SECONDS):
            sync_client().admin.command("ping")
    except PyMongoError:
        detail = f"MongoDB does not answer within {READY_SECONDS} s"
        return problem(503, detail, "not_ready", headers={"Retry-After": "5"}, down=["mongodb"])
    return JsonResponse({"status": "ok", "mongodb": "ok"})

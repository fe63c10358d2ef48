"""The ASGI application: stations' sockets to the OCPP gateway, everything else to Django."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from csms.django_asgi import django_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "csms.settings")
_django = django_application()

# Django must be set up before models are imported.
from csms.health import HealthChecks  # noqa: E402
from ocpp_gateway.consumer import OcppConsumer  # noqa: E402
from ocpp_gateway.gateway import gateway  # noqa: E402
from ocpp_gateway.metrics_page import MetricsPage  # noqa: E402
from ocpp_gateway.upload_receiver import ReceiveUploads  # noqa: E402
from ocpp_gateway.waiting import WaitForAnswer  # noqa: E402

_ocpp = OcppConsumer.as_asgi()
_http = HealthChecks(MetricsPage(ReceiveUploads(WaitForAnswer(_django))))

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve one request or one socket."""
    gateway().start_soon()
    await (_ocpp if scope["type"] == "websocket" else _http)(scope, receive, send)

"""The ASGI application: stations' sockets to the OCPP gateway, everything else to Django."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "csms.settings")
_django = get_asgi_application()

from ocpp_gateway.consumer import OcppConsumer  # noqa: E402  Django must be set up before models are imported

_ocpp = OcppConsumer.as_asgi()

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve one request or one socket."""
    await (_ocpp if scope["type"] == "websocket" else _django)(scope, receive, send)

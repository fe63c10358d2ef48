"""Authorize (OCPP 1.6 §4.1): may this tag charge here?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.station import Station
from ocpp_gateway.handlers.v16.id_tag_info import id_tag_info
from sessions_app.authorization import authorize


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the verdict on the tag."""
    return {"idTagInfo": id_tag_info(await authorize(station, payload["idTag"], now))}

"""The shape every handler has, whatever the version."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from chargepoints.station import Station

Payload = dict[str, Any]
# Station, validated payload of the CALL, time of arrival -> payload of the CALLRESULT.
Handler = Callable[[Station, Payload, datetime], Payload | Awaitable[Payload]]

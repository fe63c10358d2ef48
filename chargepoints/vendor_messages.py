"""Messages of vendors' own making (DataTransfer), handled by whoever has registered for them.

A user's own app registers a function for a vendor and one of its messages, or for all messages of a vendor:

    @on_vendor_message("com.example", "tariff")
    async def tariff(message: VendorMessage) -> VendorAnswer: ...

The function runs on the event loop of the stations: it must neither block nor use the ORM. What it adds to
`message.unit` is stored before the station is answered.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from django.conf import settings

from chargepoints.station import Station
from tenants.unit_of_work import UnitOfWork


class VendorStatus(Enum):
    """What a station is told of its message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN_VENDOR = "unknown_vendor"
    UNKNOWN_MESSAGE = "unknown_message"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorMessage:
    """A vendor's message; its texts are as the station sent them.

    Attributes:
        message_id: empty if the station named none.
        data: None if there is none.
        unit: what is added to it is stored before the station is answered, or the station gets an error.
    """

    station: Station
    vendor_id: str
    message_id: str
    data: str | None
    received_at: datetime
    unit: UnitOfWork


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """What the station is answered; `data` only if it is not None."""

    accepted: bool = True
    data: str | None = None


VendorHandler = Callable[[VendorMessage], Awaitable[VendorAnswer] | VendorAnswer]
_handlers: dict[tuple[str, str | None], VendorHandler] = {}


class HandlerExists(ValueError):
    """Somebody else has registered for this vendor's message."""


def on_vendor_message(vendor_id: str, message_id: str | None = None) -> Callable[[VendorHandler], VendorHandler]:
    """Return a decorator that registers a function; without `message_id` for what the vendor has no other one for.

    Upper and lower case make no difference (OCPP 1.6 §6.15: both are case-insensitive).

    Raises:
        HandlerExists: another function is registered for the same.
    """
    key = (vendor_id.lower(), None if message_id is None else message_id.lower())

    def register(handler: VendorHandler) -> VendorHandler:
        if _handlers.setdefault(key, handler) is not handler:
            raise HandlerExists(f"{vendor_id} {message_id or ''}: {_handlers[key]!r} is registered for it")
        return handler

    return register


def forget_vendor_message(vendor_id: str, message_id: str | None = None) -> None:
    """Undo a registration."""
    _handlers.pop((vendor_id.lower(), None if message_id is None else message_id.lower()), None)


async def handle_vendor_message(message: VendorMessage) -> tuple[VendorStatus, str | None]:
    """Have a message handled, store what the handler wants stored, and return what the station is told.

    Raises:
        TimeoutError: the handler took longer than `OCPP_CALL_TIMEOUT`.
        Exception: whatever the handler raises.
    """
    vendor = message.vendor_id.lower()
    handler = _handlers.get((vendor, message.message_id.lower())) or _handlers.get((vendor, None))
    if handler is None:
        known = any(name == vendor for name, _ in _handlers)
        return (VendorStatus.UNKNOWN_MESSAGE if known else VendorStatus.UNKNOWN_VENDOR), None
    async with asyncio.timeout(settings.OCPP_CALL_TIMEOUT):
        answer = handler(message)
        if inspect.isawaitable(answer):
            answer = await answer
    await message.unit.commit()
    return (VendorStatus.ACCEPTED if answer.accepted else VendorStatus.REJECTED), answer.data

"""Where commands send stations to fetch or bring files: every such URL is checked before its command is stored."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError

from chargepoints.upload_links import upload_of
from csms.destinations import UnsafeDestination, check_destination

# UpdateFirmware and GetDiagnostics (OCPP 1.6 §6.53, §6.25); SignedUpdateFirmware and GetLog (security white paper).
_PLACES = (("location",), ("firmware", "location"), ("log", "remoteLocation"))


def refuse_unsafe_destinations(payload: dict[str, Any]) -> None:
    """Check every URL of a command's payload that the station is to open.

    Raises:
        rest_framework.exceptions.ValidationError: one of them is none that may be passed on; it says why.
    """
    for place in _PLACES:
        url = _at(payload, place)
        if url is None or upload_of(url):
            continue
        try:
            check_destination(url)
        except UnsafeDestination as error:
            raise ValidationError({"location": [str(error)]}) from None


def _at(payload: Any, place: tuple[str, ...]) -> str | None:
    for name in place:
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload if isinstance(payload, str) else None

"""Times on the wire: ISO 8601 in, UTC with `Z` and milliseconds at most out (OCPP 1.6 §3.14)."""

from __future__ import annotations

from datetime import UTC, datetime

from ocpp_gateway.protocol.errors import ErrorCode, OcppError


def parse_time(text: str) -> datetime:
    """Return a station's timestamp in UTC; one without an offset is taken as UTC.

    Raises:
        OcppError: it is no ISO 8601 date and time.
    """
    try:
        moment = datetime.fromisoformat(text.strip().upper())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise OcppError(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"not an ISO 8601 time: {text[:40]}") from None
    # MongoDB keeps milliseconds; what is compared later must not have more.
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_time(moment: datetime) -> str:
    """Return a time as stations read it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

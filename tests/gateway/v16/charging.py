"""What a charging station says in the course of a charge, as payloads of OCPP 1.6."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any


def ago(**interval: float) -> str:
    """Return the time of some while ago, as a station writes it."""
    moment = datetime.now(UTC) - timedelta(**interval)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return the time that a text stands for."""
    return datetime.fromisoformat(text)


def start(tag: str, **changes: Any) -> dict[str, Any]:
    """Return a StartTransaction at connector 1 with the meter at 1,000 Wh."""
    return {"connectorId": 1, "idTag": tag, "meterStart": 1000, "timestamp": ago(seconds=30)} | changes


def stop(transaction_id: int, **changes: Any) -> dict[str, Any]:
    """Return a StopTransaction with the meter at 6,000 Wh, asked for at the station."""
    return {
        "transactionId": transaction_id,
        "meterStop": 6000,
        "timestamp": ago(seconds=1),
        "reason": "Local",
    } | changes


def reading(*samples: dict[str, Any], at: str | None = None) -> dict[str, Any]:
    """Return one element of `meterValue` or `transactionData`; of 1,500 Wh where nothing else is said."""
    return {"timestamp": at or ago(seconds=10), "sampledValue": list(samples) or [{"value": "1500"}]}


def meter_values(*readings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a MeterValues of connector 1."""
    return {"connectorId": 1, "meterValue": list(readings) or [reading()]} | changes

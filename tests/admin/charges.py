"""Charges as the gateway stores them, for pages that show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sessions_app.models import ChargingSession, MeterValue
from tenants.context import tenant_scope

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def store_session(tenant: str, session_id: str, **fields: Any) -> ChargingSession:
    """Return a stored session of a tenant: a completed one of 12.5 kWh unless `fields` say otherwise."""
    facts: dict[str, Any] = {
        "charge_point_id": "CP1",
        "evse_id": 1,
        "connector_id": 1,
        "transaction_id": 17,
        "id_tag": "04a1b2",
        "authorization": "accepted",
        "start_time": NOON,
        "stop_time": NOON + timedelta(minutes=65),
        "start_meter_value": 1000.0,
        "stop_meter_value": 13500.0,
        "energy_wh": 12500.0,
        "status": "completed",
        "stop_reason": "local",
        "received_at": NOON,
    }
    with tenant_scope(tenant):
        return ChargingSession.objects.create(id=session_id, **facts | fields)


def store_readings(tenant: str, session: ChargingSession, count: int) -> None:
    """Store `count` readings, a minute apart, at a constant 6 kW."""
    with tenant_scope(tenant):
        MeterValue.objects.bulk_create(
            MeterValue(
                session=session,
                charge_point_id=session.charge_point_id,
                evse_id=1,
                connector_id=1,
                transaction_id=session.transaction_id,
                timestamp=NOON + timedelta(minutes=minute),
                received_at=NOON + timedelta(minutes=minute),
                samples=[
                    {"measurand": "Energy.Active.Import.Register", "value": 1000 + 100 * minute, "unit": "Wh"},
                    {"measurand": "Power.Active.Import", "value": 6.0, "unit": "kW"},
                    {"measurand": "SoC", "value": 40, "unit": "Percent", "location": "EV"},
                    {"measurand": "Voltage", "value": 231.4, "unit": "V"},
                    {"measurand": "Current.Import", "value": 26.1, "unit": "A"},
                ],
            )
            for minute in range(count)
        )

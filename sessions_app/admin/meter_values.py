"""The meter values of a session for its page: the newest as a table, all of them as a chart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sessions_app.admin.charts import Point, session_chart
from sessions_app.admin.quantities import number, percent, power
from sessions_app.metering import LiveValues, live_values
from sessions_app.models import ChargingSession, MeterValue
from tenants.admin_site.display import EMPTY
from tenants.admin_site.paging import by_index

ROWS = 200
# Ten hours at ten seconds; of a longer session the chart shows the end.
CHARTED = 3600


def meter_value_context(session: ChargingSession) -> dict[str, Any]:
    """Return what `csms/session_meter_values.html` needs: rows, chart, and whether there is more."""
    newest = by_index(MeterValue.objects.filter(session_id=session.pk).order_by("-timestamp"))
    readings = [
        (timestamp, live_values(samples)) for timestamp, samples in newest.values_list("timestamp", "samples")[:CHARTED]
    ]
    return {
        "session": session,
        "is_active": session.status == ChargingSession.Status.ACTIVE,
        "rows": [_row(timestamp, values) for timestamp, values in readings[:ROWS]],
        "reading_count": len(readings),
        "more_rows": len(readings) > ROWS,
        "chart_cut": len(readings) == CHARTED,
        "chart": session_chart(list(_points(session, readings))),
    }


def _row(timestamp: datetime, values: LiveValues) -> tuple[str, ...]:
    return (
        f"{timestamp.astimezone(UTC):%F %T}",
        EMPTY if values.register_wh is None else f"{number(values.register_wh, 0)} Wh",
        power(values.power_w),
        percent(values.soc_percent),
        EMPTY if values.voltage_v is None else f"{number(values.voltage_v, 0)} V",
        EMPTY if values.current_a is None else f"{number(values.current_a, 1)} A",
    )


def _points(session: ChargingSession, readings: list[tuple[datetime, LiveValues]]) -> list[Point]:
    """Return what is charted, oldest first; energy counts from the start of the session."""
    ordered = readings[::-1]
    known = (values.register_wh for _, values in ordered if values.register_wh is not None)
    start = session.start_meter_value if session.start_meter_value is not None else next(known, 0.0)
    return [
        Point(timestamp, values.power_w, None if values.register_wh is None else values.register_wh - start)
        for timestamp, values in ordered
    ]

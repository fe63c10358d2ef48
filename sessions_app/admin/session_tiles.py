"""The few numbers of a session that people look for first."""

from __future__ import annotations

from datetime import UTC, datetime

from sessions_app.admin.quantities import duration, energy, percent, power
from sessions_app.models import ChargingSession


def session_tiles(session: ChargingSession) -> list[tuple[str, str]]:
    """Return labels and values; what is still going on is as of now."""
    active = session.status == ChargingSession.Status.ACTIVE
    end = datetime.now(UTC) if active else session.stop_time
    return [
        ("Energy", energy(session.energy_wh)),
        ("Duration", duration(session.start_time, end)),
        ("Power now", power(session.power_w)) if active else ("Average power", power(_average(session))),
        ("Battery", percent(session.soc_percent)),
    ]


def _average(session: ChargingSession) -> float | None:
    """Return the average power of a session that is over, in W."""
    if session.start_time is None or session.stop_time is None or session.stop_time <= session.start_time:
        return None
    average: float = session.energy_wh * 3600 / (session.stop_time - session.start_time).total_seconds()
    return average

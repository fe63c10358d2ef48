"""A tenant at a glance: stations, connectors, what is charging now and what was charged lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate

from chargepoints.models import ChargePoint, Connector, ConnectorState, Registration
from sessions_app.models import ChargingSession
from tenants.admin_site.paging import by_index

DAYS = 7
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Overview:
    """The current tenant's state. Energies in Wh, power in W.

    Attributes:
        connectors: how many are in each state, in the order of `ConnectorState`; states nobody is in are left out.
        days: energy of the last seven days, today last, by the day (UTC) on which a session began.
        troubled: connectors that are out of order, a few of them.
        waiting: stations that may not work yet, or any more: pending or rejected.
    """

    stations: int
    connected: int
    connectors: list[tuple[ConnectorState, int]]
    active: int
    power_w: float
    days: list[tuple[date, float]]
    newest: list[ChargingSession]
    troubled: list[Connector]
    waiting: int


def overview(now: datetime) -> Overview:
    """Return the overview of the tenant in force.

    Raises:
        NoTenant: no tenant is in force.
    """
    sessions = ChargingSession.objects
    live = sessions.filter(status=ChargingSession.Status.ACTIVE).aggregate(n=Count("pk"), power=Sum("power_w"))
    return Overview(
        stations=ChargePoint.objects.count(),
        connected=ChargePoint.objects.filter(connected__isnull=False).count(),
        connectors=_connectors_by_state(),
        active=live["n"],
        power_w=live["power"] or 0.0,
        days=_energy_by_day(now),
        newest=list(by_index(sessions.order_by("-received_at", "-id"))[:SHOWN]),
        troubled=list(Connector.objects.filter(status=ConnectorState.FAULTED)[:SHOWN]),
        waiting=ChargePoint.objects.filter(~Q(registration=Registration.ACCEPTED)).count(),
    )


def _connectors_by_state() -> list[tuple[ConnectorState, int]]:
    rows = Connector.objects.order_by().values("status").annotate(n=Count("pk"))
    counts = {row["status"]: row["n"] for row in rows}
    return [(state, counts[state]) for state in ConnectorState if counts.get(state)]


def _energy_by_day(now: datetime) -> list[tuple[date, float]]:
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - 1)
    rows = (
        # What started within the week arrived within it, and the arrival has the index.
        ChargingSession.objects.filter(received_at__gte=first, start_time__gte=first)
        .order_by()
        .annotate(day=TruncDate("start_time"))
        .values("day")
        .annotate(wh=Sum("energy_wh"))
    )
    energies = {row["day"]: row["wh"] for row in rows}
    days = [first.date() + timedelta(days=i) for i in range(DAYS)]
    return [(day, float(energies.get(day) or 0.0)) for day in days]

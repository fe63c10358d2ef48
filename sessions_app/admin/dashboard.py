"""The first page of the admin: the chosen tenant at a glance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.urls import reverse

from chargepoints.admin.connectors import outlet_number, state_mark
from chargepoints.admin.keys import urls_of
from chargepoints.models import ConnectorState
from sessions_app.admin.charts import day_bars
from sessions_app.admin.overview import Overview, overview
from sessions_app.admin.quantities import duration, energy, power
from sessions_app.admin.sessions import STATUS_COLOURS
from sessions_app.models import ChargingSession
from tenants.admin_site.display import EMPTY, ago
from tenants.admin_site.model_admin import tenant_access
from tenants.context import require_tenant
from tenants.permissions import CREATE, LEAST_ROLE, allows

_IN_USE = frozenset(ConnectorState) - {
    ConnectorState.AVAILABLE,
    ConnectorState.UNAVAILABLE,
    ConnectorState.FAULTED,
    ConnectorState.UNKNOWN,
}


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of `admin/index.html`; named in the settings as unfold's dashboard callback."""
    now = datetime.now(UTC)
    facts = overview(now)
    return context | {
        "overview": facts,
        "may_add_station": allows(tenant_access(request).role, LEAST_ROLE["charge-points"][CREATE]),
        "example_url": urls_of(f"{require_tenant()}_CP001")[0],
        "connected_percent": round(100 * facts.connected / facts.stations) if facts.stations else 0,
        "power": power(facts.power_w),
        "energy_today": energy(facts.days[-1][1]),
        "energy_week": energy(sum(wh for _, wh in facts.days)),
        "bars": [(bar, energy(bar.value_wh)) for bar in day_bars(facts.days)],
        "newest": [_session_row(session, now) for session in facts.newest],
        "troubled": [(_station_url(c.charge_point_id), outlet_number(c), c) for c in facts.troubled],
        **_connector_context(facts),
    }


def _connector_context(facts: Overview) -> dict[str, Any]:
    total = sum(count for _, count in facts.connectors)
    return {
        "connector_total": total,
        "faulted": dict(facts.connectors).get(ConnectorState.FAULTED, 0),
        "connectors_in_use": sum(count for state, count in facts.connectors if state in _IN_USE),
        "connector_states": [
            (state_mark(state, str(state.label)), state.value, count, round(100 * count / total))
            for state, count in facts.connectors
        ],
    }


def _session_row(session: ChargingSession, now: datetime) -> dict[str, Any]:
    active = session.status == ChargingSession.Status.ACTIVE
    return {
        "session": session,
        "url": reverse("admin:sessions_app_chargingsession_change", args=(quote(session.pk),)),
        "started": ago(session.start_time or session.received_at, now),
        "duration": duration(session.start_time, now if active else session.stop_time),
        "energy": energy(session.energy_wh),
        "power": power(session.power_w) if active else EMPTY,
        "colour": STATUS_COLOURS.get(session.status, ""),
    }


def _station_url(identity: str) -> str:
    return reverse("admin:chargepoints_chargepoint_change", args=(quote(identity),))

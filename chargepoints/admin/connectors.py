"""Connectors as they are shown: a coloured word for the state, and the inline on the station's page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django import forms
from django.utils.html import format_html, format_html_join
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from chargepoints.models import Connector, ConnectorState
from tenants.admin_site.display import EMPTY, ago
from tenants.admin_site.model_admin import TenantInline
from tenants.permissions import CHANGE, READ


def state_mark(state: str, text: str, title: str = "") -> str:
    """Return a state as a coloured dot with a text. The colours are in `csms/admin.css`."""
    known = state if state in ConnectorState.values else ConnectorState.UNKNOWN
    return format_html('<span class="csms-state" data-state="{}" title="{}">{}</span>', known, title, text)


def connector_marks(connectors: Iterable[Connector]) -> str:
    """Return the states of a station's connectors side by side: the number of each, and its state in words."""
    marks = [(state_mark(c.status, f"{outlet_number(c)} {c.get_status_display()}", c.error_code),) for c in connectors]
    return format_html('<span class="csms-states">{}</span>', format_html_join("", "{}", marks)) if marks else EMPTY


def outlet_number(connector: Connector) -> str:
    """Return the number people see at an outlet: of the EVSE, with the connector's where it has several."""
    evse, number = connector.evse_id, connector.connector_id
    return str(evse) if number == 1 else f"{evse}.{number}"


class WattsField(forms.FloatField):
    """A power as people write it: `22000`, not `22000.0`."""

    def prepare_value(self, value: object) -> object:
        return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else value


class ConnectorForm(forms.ModelForm):
    """The facts about a connector that its station does not report."""

    max_power = WattsField(
        label="Rated power, W",
        required=False,
        min_value=0,
        max_value=10_000_000,
        widget=UnfoldAdminTextInputWidget(),
        show_hidden_initial=True,
    )


class ConnectorInline(TenantInline):
    """What stations report is shown; what they cannot know (plug type, rated power) is edited."""

    model = Connector
    form = ConnectorForm
    permission_resource = "charge-points"
    deeds = frozenset({READ, CHANGE})
    fields = ("number", "state", "error", "reported", "type", "max_power")
    readonly_fields = ("number", "state", "error", "reported")
    extra = max_num = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = "Connectors"

    @display(description="Connector")
    def number(self, obj: Connector) -> str:
        return outlet_number(obj)

    @display(description="State")
    def state(self, obj: Connector) -> str:
        return state_mark(obj.status, obj.get_status_display())

    @display(description="Error")
    def error(self, obj: Connector) -> str:
        parts = (obj.error_code, obj.vendor_error_code, obj.info)
        return " · ".join(part for part in parts if part and part != "NoError") or EMPTY

    @display(description="Reported")
    def reported(self, obj: Connector) -> str:
        return ago(obj.updated_at, datetime.now(UTC))

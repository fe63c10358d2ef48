"""The page of events that the broker has refused: to look at, and to send again."""

from __future__ import annotations

from datetime import UTC, datetime

from events.models import UndeliveredEvent
from tenants.context import tenant_scope
from tests.admin.conftest import Network

PAGE = "events_undeliveredevent"


def undelivered(slug: str, event_id: str = "e1") -> UndeliveredEvent:
    """Return an event of a tenant's, set aside."""
    now = datetime(2026, 5, 1, tzinfo=UTC)
    fields = {
        "type": "session.started",
        "charge_point_id": "nordlade_CP001",
        "sequence": 7,
        "topic": "ocpp/events/nordlade/nordlade_CP001/session",
        "payload": b'{"data": "<b>bold</b>"}',
        "retain": False,
        "reason": "Not authorized",
        "tries": 3,
        "stored_at": now,
        "set_aside_at": now,
    }
    with tenant_scope(slug):
        return UndeliveredEvent.objects.update_or_create(pk=event_id, defaults=fields)[0]


def test_it_says_why_and_what(nordlade: Network) -> None:
    event = undelivered(nordlade.slug)
    text = nordlade.browser("operator").html(f"{PAGE}_change", event.pk)
    assert "Not authorized" in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text


def test_an_operator_sends_again_what_is_chosen(nordlade: Network) -> None:
    chosen, other = undelivered(nordlade.slug, "e1"), undelivered(nordlade.slug, "e2")
    nordlade.db["outbox"].delete_many({})
    data = {"action": "send_again", "_selected_action": [chosen.pk]}
    answer = nordlade.browser("operator").post(f"{PAGE}_changelist", data)
    assert answer.status_code == 302
    assert [row["events"][0]["event_id"] for row in nordlade.db["outbox"].find()] == [chosen.pk]
    assert [left["_id"] for left in nordlade.db["undelivered_events"].find()] == [other.pk]


def test_a_viewer_does_not_see_them(nordlade: Network) -> None:
    event = undelivered(nordlade.slug)
    browser = nordlade.browser("viewer")
    assert browser.get(f"{PAGE}_changelist").status_code == 403
    assert browser.get(f"{PAGE}_change", event.pk).status_code == 403
    assert "Undelivered events" not in browser.html("index")

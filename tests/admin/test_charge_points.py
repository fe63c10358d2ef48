"""Charge points: created within the limit, keys shown once, edits that leave the gateway's fields alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chargepoints.admin.tags_field import TagsField
from chargepoints.credentials import key_matches
from chargepoints.models import ChargePoint, Connector
from tenants.context import tenant_scope
from tenants.models import Tenant
from tests.admin.conftest import Browser, Network, address

NEW = {"id": "", "name": "Town hall", "registration": "accepted", "security_profile": "1", "tags": "fast, north"}
KEY = re.compile(r'id="station-key">([0-9a-f]{40})<')
PAGE = "chargepoints_chargepoint"


@pytest.fixture
def station(nordlade: Network) -> str:
    """A station with two connectors that is connected and has booted."""
    identity = nordlade.installs(f"{nordlade.slug}_CP001", name="Town hall", tags=["fast"])
    nordlade.db["charge_points"].update_one(
        {"_id": identity},
        {"$set": {"connected": {"instance": "a", "epoch": 3, "since": "2026-05-01T12:00:00Z"}, "vendor": "Acme"}},
    )
    with tenant_scope(nordlade.slug):
        for evse in (1, 2):
            Connector.objects.create(
                id=f"{identity}/{evse}/1", charge_point_id=identity, evse_id=evse, connector_id=1, status="available"
            )
    return identity


def _stored(network: Network, identity: str) -> Any:
    return network.db["charge_points"].find_one({"_id": identity})


def test_a_new_station_shows_its_key_once_with_both_addresses(nordlade: Network) -> None:
    browser, identity = nordlade.browser(), f"{nordlade.slug}_CP007"

    answer = browser.post(f"{PAGE}_add", NEW | {"id": identity})

    text = answer.content.decode()
    key = KEY.search(text)
    assert key
    assert "no-store" in answer["Cache-Control"]
    assert f"ws://127.0.0.1:8081/ocpp/{nordlade.slug}/{identity}" in text
    assert f"ws://127.0.0.1:8081/ocpp/{identity}<" in text
    stored = _stored(nordlade, identity)
    assert key_matches(stored["credential_hash"], key[1].encode())
    assert stored["tags"] == ["fast", "north"]
    for page in (browser.html(f"{PAGE}_change", identity), browser.html(f"{PAGE}_changelist")):
        assert key[1] not in page
        assert stored["credential_hash"] not in page
    assert key[1] not in str(dict(browser.client.session))


def test_a_station_of_another_name_has_one_address(nordlade: Network) -> None:
    text = nordlade.browser().post(f"{PAGE}_add", NEW | {"id": "other_CP1"}).content.decode()
    assert f"/ocpp/{nordlade.slug}/other_CP1" in text
    assert "/ocpp/other_CP1" not in text


@pytest.mark.parametrize("identity", ["", "a b", "CP/1", "x" * 49, "<script>", "CP1\n"])
def test_an_identity_no_station_could_present_is_refused(nordlade: Network, identity: str) -> None:
    answer = nordlade.browser().post(f"{PAGE}_add", NEW | {"id": identity})
    if identity == "CP1\n":  # a form cannot carry it
        assert _stored(nordlade, "CP1") is not None
    else:
        assert answer.context["errors"]
        assert nordlade.db["charge_points"].count_documents({}) == 0


def test_a_second_station_of_the_same_identity_is_refused(nordlade: Network, station: str) -> None:
    before = _stored(nordlade, station)
    answer = nordlade.browser().post(f"{PAGE}_add", NEW | {"id": station})
    assert "already exists" in answer.content.decode()
    assert _stored(nordlade, station) == before


def test_the_limit_of_the_tenant_holds(nordlade: Network, station: str) -> None:
    Tenant.objects.filter(pk=nordlade.slug).update(max_charge_points=1)
    browser = nordlade.browser()

    answer = browser.post(f"{PAGE}_add", NEW | {"id": "CP2"})

    assert answer.url == address(f"{PAGE}_add")
    assert "this tenant may have 1 charge points" in browser.html(f"{PAGE}_add")
    assert nordlade.db["charge_points"].count_documents({}) == 1


def test_deleting_makes_room_for_another(nordlade: Network, station: str) -> None:
    Tenant.objects.filter(pk=nordlade.slug).update(max_charge_points=1)
    browser = nordlade.browser()

    assert "Town hall" in browser.html(f"{PAGE}_delete", station)
    browser.post(f"{PAGE}_delete", {"post": "yes"}, station)

    assert nordlade.db["connectors"].count_documents({}) == 0
    assert KEY.search(browser.post(f"{PAGE}_add", NEW | {"id": "CP2"}).content.decode())


def test_deleting_several_from_the_list_makes_room_too(nordlade: Network) -> None:
    for number in range(3):
        nordlade.installs(f"CP{number}")
    nordlade.browser().post(
        f"{PAGE}_changelist",
        {"action": "delete_selected", "_selected_action": ["CP0", "CP1"], "post": "yes"},
    )
    assert [row["_id"] for row in nordlade.db["charge_points"].find()] == ["CP2"]
    counter = nordlade.db["counters"].find_one({"_id": "charge_points"})
    assert counter
    assert counter["value"] == 1


def test_a_new_key_is_asked_for_then_shown_once(nordlade: Network, station: str) -> None:
    browser, before = nordlade.browser(), _stored(nordlade, station)

    assert "Make a new key" in browser.html(f"{PAGE}_new_key", station)
    assert _stored(nordlade, station) == before

    text = browser.post(f"{PAGE}_new_key", {}, station).content.decode()
    key = KEY.search(text)
    assert key
    assert key_matches(_stored(nordlade, station)["credential_hash"], key[1].encode())
    assert key[1] not in browser.html(f"{PAGE}_change", station)


def test_a_new_key_needs_a_csrf_token(nordlade: Network, station: str) -> None:
    before = _stored(nordlade, station)
    browser = Browser(nordlade.people["admin"], enforce_csrf_checks=True)
    assert browser.post(f"{PAGE}_new_key", {}, station).status_code == 403
    assert _stored(nordlade, station) == before


def test_an_edit_writes_the_edited_fields_only(nordlade: Network, station: str) -> None:
    browser = nordlade.browser()
    form = browser.fields(f"{PAGE}_change", station)
    # While the form is open, the station reconnects, reports itself and a connector starts to charge.
    seen = datetime(2026, 5, 1, 13, tzinfo=UTC).replace(tzinfo=None)  # as pymongo returns it
    meanwhile = {"epoch": 4, "connected": None, "last_seen": seen, "vendor": "Reported", "status": "charging"}
    nordlade.db["charge_points"].update_one({"_id": station}, {"$set": meanwhile | {"address": "Elsewhere 1"}})
    nordlade.db["connectors"].update_one(
        {"_id": f"{station}/1/1"}, {"$set": {"status": "charging", "type": "set meanwhile"}}
    )

    answer = browser.post(
        f"{PAGE}_change",
        form | {"name": "Renamed", "registration": "pending", "connectors-0-max_power": "22000"},
        station,
    )

    assert answer.status_code == 302
    stored = _stored(nordlade, station)
    assert (stored["name"], stored["registration"]) == ("Renamed", "pending")
    assert {name: stored[name] for name in meanwhile} == meanwhile
    assert stored["address"] == "Elsewhere 1"
    connector = nordlade.db["connectors"].find_one({"_id": f"{station}/1/1"})
    assert connector
    assert (connector["max_power"], connector["status"], connector["type"]) == (22000.0, "charging", "set meanwhile")


def test_saving_without_an_edit_writes_nothing(nordlade: Network, station: str) -> None:
    browser = nordlade.browser()
    form = browser.fields(f"{PAGE}_change", station)
    nordlade.db["charge_points"].update_one({"_id": station}, {"$set": {"name": "Renamed by another"}})
    before = _stored(nordlade, station)

    browser.post(f"{PAGE}_change", form, station)

    assert _stored(nordlade, station) == before


def test_boot_facts_and_states_cannot_be_posted(nordlade: Network, station: str) -> None:
    browser, before = nordlade.browser(), _stored(nordlade, station)
    form = browser.fields(f"{PAGE}_change", station)
    forged = {"vendor": "X", "status": "faulted", "credential_hash": "x", "epoch": "99", "id": "CP9", "connected": "{}"}

    browser.post(f"{PAGE}_change", form | forged | {"connectors-0-status": "faulted"}, station)

    assert _stored(nordlade, station) == before
    connector = nordlade.db["connectors"].find_one({"_id": f"{station}/1/1"})
    assert connector
    assert connector["status"] == "available"


def test_a_station_deleted_while_its_form_was_open(nordlade: Network, station: str, monkeypatch: Any) -> None:
    browser = nordlade.browser()
    form = browser.fields(f"{PAGE}_change", station)
    original = ChargePoint.full_clean

    def deleted_at_the_last_moment(self: ChargePoint, *args: Any, **kwargs: Any) -> None:
        nordlade.db["charge_points"].delete_one({"_id": station})
        original(self, *args, **kwargs)

    monkeypatch.setattr(ChargePoint, "full_clean", deleted_at_the_last_moment)
    answer = browser.post(f"{PAGE}_change", form | {"name": "Late"}, station)

    assert answer.url == address("index")
    assert nordlade.db["charge_points"].count_documents({}) == 0


def test_connectors_are_neither_added_nor_removed(nordlade: Network, station: str) -> None:
    browser = nordlade.browser()
    form = browser.fields(f"{PAGE}_change", station)
    browser.post(
        f"{PAGE}_change",
        form | {"connectors-TOTAL_FORMS": "3", "connectors-2-type": "x", "connectors-0-DELETE": "on"},
        station,
    )
    assert nordlade.db["connectors"].count_documents({}) == 2


def test_the_list_finds_and_filters(nordlade: Network, station: str) -> None:
    nordlade.installs("DEPOT", name="Depot", registration="pending")
    nordlade.installs("OLD", name="Mill")
    nordlade.db["charge_points"].update_one(
        {"_id": "OLD"}, {"$set": {"last_seen": datetime.now(UTC) - timedelta(hours=7), "serial_number": "SN-44"}}
    )
    browser = nordlade.browser("viewer")

    def found(**query: str) -> list[str]:
        return [row.pk for row in browser.get(f"{PAGE}_changelist", **query).context["cl"].result_list]

    assert found() == sorted(["DEPOT", "OLD", station])
    assert found(q="mill") == ["OLD"]
    assert found(q="sn-44") == ["OLD"]
    assert found(q="depot") == ["DEPOT"]
    assert found(connection="online") == [station]
    assert found(connection="offline") == ["OLD"]
    assert found(connection="never") == ["DEPOT"]
    assert found(connector="available") == [station]
    assert found(connector="faulted") == []
    assert found(registration__exact="pending") == ["DEPOT"]
    assert "7 h ago" in browser.html(f"{PAGE}_changelist", q="OLD")


def test_what_a_station_says_is_escaped(nordlade: Network, station: str) -> None:
    evil = '<img src=x onerror="alert(1)">{{ 7 }}'
    nordlade.db["charge_points"].update_one(
        {"_id": station},
        {"$set": dict.fromkeys(("vendor", "model", "serial_number", "firmware_version", "error_code", "iccid"), evil)},
    )
    nordlade.db["charge_points"].update_one(
        {"_id": station},
        {"$set": {"configuration": {evil: {"value": evil, "readonly": True}}, "connected.since": evil}},
    )
    nordlade.db["connectors"].update_many({}, {"$set": {"info": evil, "error_code": evil, "status": evil}})

    for role in ("admin", "viewer"):
        browser = nordlade.browser(role)
        for text in (
            browser.html(f"{PAGE}_change", station),
            browser.html(f"{PAGE}_changelist"),
            browser.html("index"),
        ):
            assert "<img src=x" not in text
        assert "&lt;img src=x" in browser.html(f"{PAGE}_change", station)


@pytest.mark.parametrize(
    "text, tags", [("", []), (" fast , north,,fast ", ["fast", "north"]), ("car park", ["car park"])]
)
def test_tags_are_words_with_commas(text: str, tags: list[str]) -> None:
    assert TagsField().clean(text) == tags
    assert not TagsField().has_changed(tags, text)


def test_the_button_leads_to_the_sessions_of_the_station(nordlade: Network, station: str) -> None:
    answer = nordlade.browser("viewer").get(f"{PAGE}_sessions", station)
    assert answer.url == f"{address('sessions_app_chargingsession_changelist')}?station={station}"

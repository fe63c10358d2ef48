"""Id tokens: one per tag whatever its case, and marked when they may not charge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions_app.models import IdToken
from tenants.context import tenant_scope
from tests.admin.conftest import Network

PAGE = "sessions_app_idtoken"
NEW = {"id_tag": "04A1B2C3", "type": "rfid", "status": "accepted", "max_active": "1", "note": "Van 3"}


def _stored(network: Network, key: str) -> Any:
    return network.db["id_tokens"].find_one({"_id": key})


def test_a_token_is_stored_under_its_tag_in_lower_case(nordlade: Network) -> None:
    answer = nordlade.browser("operator").post(f"{PAGE}_add", NEW)

    assert answer.status_code == 302
    stored = _stored(nordlade, "04a1b2c3")
    assert (stored["id_tag"], stored["note"], stored["max_active"]) == ("04A1B2C3", "Van 3", 1)


@pytest.mark.parametrize("tag", ["04A1B2C3", "04a1b2c3", " 04A1b2c3 "])
def test_the_same_tag_in_another_case_is_refused(nordlade: Network, tag: str) -> None:
    browser = nordlade.browser("operator")
    browser.post(f"{PAGE}_add", NEW)

    answer = browser.post(f"{PAGE}_add", NEW | {"id_tag": tag, "note": "second"})

    assert "known already" in answer.content.decode()
    assert _stored(nordlade, "04a1b2c3")["note"] == "Van 3"


def test_a_token_somebody_creates_at_the_same_moment_is_not_overwritten(nordlade: Network, monkeypatch: Any) -> None:
    browser = nordlade.browser("operator")
    save = IdToken.save

    def after_another(self: IdToken, *args: Any, **kwargs: Any) -> None:
        nordlade.db["id_tokens"].insert_one({"_id": "04a1b2c3", "id_tag": "04a1b2c3", "note": "first"})
        save(self, *args, **kwargs)

    monkeypatch.setattr(IdToken, "save", after_another)
    answer = browser.post(f"{PAGE}_add", NEW)

    assert answer.status_code == 302
    assert "Not created" in browser.html(f"{PAGE}_add")
    assert _stored(nordlade, "04a1b2c3")["note"] == "first"


def test_blocking_leaves_the_rest_alone(nordlade: Network) -> None:
    browser = nordlade.browser("operator")
    browser.post(f"{PAGE}_add", NEW)
    form = browser.fields(f"{PAGE}_change", "04a1b2c3")
    nordlade.db["id_tokens"].update_one({}, {"$set": {"note": "edited elsewhere"}})

    browser.post(f"{PAGE}_change", form | {"status": "blocked"}, "04a1b2c3")

    stored = _stored(nordlade, "04a1b2c3")
    assert (stored["status"], stored["note"], stored["id_tag"]) == ("blocked", "edited elsewhere", "04A1B2C3")


def test_lists_that_hold_a_token_become_due_with_each_change(nordlade: Network) -> None:
    lists = {"one": ("all", ""), "two": ("group", "fleet"), "three": ("group", "other"), "four": ("off", "")}
    for name, (mode, parent) in lists.items():
        row = {"_id": name, "mode": mode, "parent_id_tag": parent, "due": False, "changes": 0, "supported": None}
        nordlade.db["local_lists"].replace_one({"_id": name}, row, upsert=True)
    browser = nordlade.browser("admin")

    def due() -> set[str]:
        found = {row["_id"] for row in nordlade.db["local_lists"].find({"due": True})}
        nordlade.db["local_lists"].update_many({}, {"$set": {"due": False}})
        return found

    browser.post(f"{PAGE}_add", NEW | {"parent_id_tag": "FLEET"})
    assert due() == {"one", "two"}
    browser.post(f"{PAGE}_change", browser.fields(f"{PAGE}_change", "04a1b2c3") | {"status": "blocked"}, "04a1b2c3")
    assert due() == {"one", "two"}
    moved = browser.fields(f"{PAGE}_change", "04a1b2c3") | {"parent_id_tag": "Other"}
    browser.post(f"{PAGE}_change", moved, "04a1b2c3")
    assert due() == {"one", "two", "three"}
    browser.post(f"{PAGE}_delete", {"post": "yes"}, "04a1b2c3")
    assert due() == {"one", "three"}


def test_the_tag_never_changes(nordlade: Network) -> None:
    browser = nordlade.browser("operator")
    browser.post(f"{PAGE}_add", NEW)
    form = browser.fields(f"{PAGE}_change", "04a1b2c3")
    assert "id_tag" not in form

    browser.post(f"{PAGE}_change", form | {"id_tag": "OTHER"}, "04a1b2c3")

    assert [row["id_tag"] for row in nordlade.db["id_tokens"].find()] == ["04A1B2C3"]


@pytest.fixture
def four_tokens(nordlade: Network) -> Network:
    now = datetime.now(UTC)
    with tenant_scope(nordlade.slug):
        IdToken.objects.create(id="good", id_tag="GOOD", expires_at=now + timedelta(days=1))
        IdToken.objects.create(id="old", id_tag="OLD", expires_at=now - timedelta(days=1))
        IdToken.objects.create(id="lost", id_tag="LOST", status="blocked", note="Lost on the ferry")
        IdToken.objects.create(id="plain", id_tag="PLAIN", parent_id_tag="fleet")
    return nordlade


def test_the_list_finds_and_filters(four_tokens: Network) -> None:
    browser = four_tokens.browser("viewer")

    def found(**query: str) -> list[str]:
        return [row.pk for row in browser.get(f"{PAGE}_changelist", **query).context["cl"].result_list]

    assert found() == ["good", "lost", "old", "plain"]
    assert found(q="FERRY") == ["lost"]
    assert found(q="Fleet") == ["plain"]
    assert found(q="GOO") == ["good"]
    assert found(valid="yes") == ["good", "plain"]
    assert found(valid="no") == ["lost", "old"]
    assert found(status__exact="blocked") == ["lost"]


def test_a_token_past_its_date_is_marked_expired(four_tokens: Network) -> None:
    text = four_tokens.browser("viewer").html(f"{PAGE}_changelist", q="old")
    assert "Expired" in text.split("<tbody")[1]


def test_notes_and_tags_are_escaped(nordlade: Network) -> None:
    evil = "<script>alert(1)</script>"
    with tenant_scope(nordlade.slug):
        IdToken.objects.create(id=evil, id_tag=evil, note=evil, parent_id_tag=evil)
    browser = nordlade.browser("operator")
    for text in (browser.html(f"{PAGE}_changelist"), browser.html(f"{PAGE}_change", evil)):
        assert "<script>alert(1)" not in text
        assert "&lt;script&gt;alert(1)" in text


def test_a_date_is_set_and_kept_while_other_fields_are_edited(nordlade: Network) -> None:
    browser = nordlade.browser("operator")
    browser.post(f"{PAGE}_add", NEW | {"expires_at_0": "2027-03-01", "expires_at_1": "12:30:00"})
    assert _stored(nordlade, "04a1b2c3")["expires_at"].isoformat() == "2027-03-01T12:30:00"
    text = browser.html(f"{PAGE}_change", "04a1b2c3")
    for name, value in (("expires_at_0", "2027-03-01"), ("expires_at_1", "12:30:00")):
        assert f'name="initial-{name}" value="{value}"' in text
    shown = {"expires_at_0": "2027-03-01", "expires_at_1": "12:30:00"}
    form = browser.fields(f"{PAGE}_change", "04a1b2c3") | shown | {f"initial-{k}": v for k, v in shown.items()}
    nordlade.db["id_tokens"].update_one({}, {"$set": {"expires_at": None}})

    browser.post(f"{PAGE}_change", form | {"note": "Van 4"}, "04a1b2c3")

    stored = _stored(nordlade, "04a1b2c3")
    assert (stored["note"], stored["expires_at"]) == ("Van 4", None)

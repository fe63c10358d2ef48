"""Id tokens over REST: one token per tag, however it is spelt."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.models import IdToken
from tests.rest.conftest import Company, assert_problem

pytestmark = pytest.mark.usefixtures("in_voltway")


def test_a_token_from_creation_to_deletion(voltway: Company) -> None:
    api = voltway.api()
    made = api.post("id-tokens", {"id_tag": "04E91C5A", "expires_at": "2030-01-01T01:00:00+01:00", "note": "Ada"})

    assert made.status_code == 201
    assert made["Location"] == "/api/v1/id-tokens/04e91c5a"
    shown = made.json()
    created_at = shown.pop("created_at")
    assert created_at.endswith("Z")
    assert shown == {
        "id": "04e91c5a",
        "tenant_id": voltway.slug,
        "id_tag": "04E91C5A",
        "type": "rfid",
        "status": "accepted",
        "expires_at": "2030-01-01T00:00:00.000Z",
        "parent_id_tag": "",
        "max_active": 1,
        "note": "Ada",
    }

    changed = api.patch("id-tokens/04E91c5a", {"status": "blocked", "max_active": None, "expires_at": None})
    assert changed.status_code == 200
    assert api.get("id-tokens/04e91C5A").json() == changed.json()
    assert (changed.json()["status"], changed.json()["max_active"], changed.json()["note"]) == ("blocked", None, "Ada")

    assert api.delete("id-tokens/04E91C5A").status_code == 204
    assert IdToken.objects.count() == 0
    assert_problem(api.get("id-tokens/04e91c5a"), 404, "not_found")


def test_one_tag_one_token(voltway: Company) -> None:
    voltway.api().post("id-tokens", {"id_tag": "AbC"})

    assert_problem(voltway.api().post("id-tokens", {"id_tag": "aBc"}), 409, "id_token_exists")


def test_a_token_keeps_its_tag(voltway: Company) -> None:
    api = voltway.api()
    api.post("id-tokens", {"id_tag": "abc"})

    assert api.patch("id-tokens/abc", {"id_tag": "ABC"}).json()["id_tag"] == "ABC"
    problem = assert_problem(api.patch("id-tokens/abc", {"id_tag": "xyz"}), 400, "invalid")
    assert list(problem["errors"]) == ["id_tag"]


def test_an_edit_of_an_old_state_is_refused(voltway: Company) -> None:
    api = voltway.api()
    etag = api.post("id-tokens", {"id_tag": "abc", "expires_at": "2030-01-01T00:00:00.123456Z"})["ETag"]

    assert api.get("id-tokens/abc")["ETag"] == etag
    assert api.patch("id-tokens/abc", {"note": "x"}, **{"If-Match": etag}).status_code == 200
    assert_problem(api.patch("id-tokens/abc", {"note": "y"}, **{"If-Match": etag}), 412, "changed_meanwhile")


@pytest.mark.parametrize("tag", ["a/b", "a b", "a%b", "a?b", "#1", "a.b", "=1+1", "a/"])
def test_tags_with_odd_characters(voltway: Company, tag: str) -> None:
    api = voltway.api()
    location = api.post("id-tokens", {"id_tag": tag})["Location"]

    if tag.endswith("/"):  # the one that cannot be told from a slash at the end of the address
        assert_problem(api.get(location), 404, "not_found")
    else:
        assert api.get(location).json()["id_tag"] == tag


@pytest.mark.parametrize(
    "query, found",
    [
        ({}, ["a1", "b2", "c3"]),
        ({"status": "blocked"}, ["b2"]),
        ({"type": "app"}, ["c3"]),
        ({"id_tag": "A1"}, ["a1"]),
        ({"parent_id_tag": "FLEET"}, ["a1"]),
        ({"ordering": "-id"}, ["c3", "b2", "a1"]),
    ],
)
def test_filters(voltway: Company, query: dict[str, Any], found: list[str]) -> None:
    IdToken.objects.create(id="a1", id_tag="A1", parent_id_tag="FLEET")
    IdToken.objects.create(id="b2", id_tag="B2", status="blocked")
    IdToken.objects.create(id="c3", id_tag="C3", type="app")

    assert [entry["id"] for entry in voltway.api().get("id-tokens", query).json()["results"]] == found

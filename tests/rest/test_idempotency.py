"""`Idempotency-Key`: a request sent again is answered again, not done again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from chargepoints.credentials import key_matches
from chargepoints.models import ChargePoint
from sessions_app.models import IdToken
from tests.rest.conftest import Api, Company, assert_problem, drop_tenant

pytestmark = pytest.mark.usefixtures("in_voltway")
KEY = {"Idempotency-Key": "5f0c-1"}


def test_a_repeated_create_gets_the_first_answer_with_its_key(voltway: Company, collection_of: Any) -> None:
    api = voltway.api()
    first = api.post("chargepoints", {"id": "CP1", "name": "one"}, **KEY)
    api.patch("chargepoints/CP1", {"name": "changed since"})

    again = api.post("chargepoints", {"name": "one", "id": "CP1"}, **KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert (again["Idempotency-Replayed"], "Idempotency-Replayed" in first) == ("true", False)
    assert key_matches(ChargePoint.objects.get(pk="CP1").credential_hash, again.json()["key"].encode())
    stored = str(list(collection_of("idempotency_keys").find()))
    assert first.json()["key"] not in stored


def test_without_a_key_keys_of_stations_are_random(voltway: Company) -> None:
    made = [voltway.api().post("chargepoints", {"id": f"CP{n}"}, **{"Idempotency-Key": f"{n}"}) for n in range(2)]

    assert made[0].json()["key"] != made[1].json()["key"]


def test_a_key_that_is_used_again_after_its_time_makes_another_secret(voltway: Company, collection_of: Any) -> None:
    """A script names its keys alike each time: the key of the stolen station must not open the one in its place."""
    api = voltway.api()
    first = api.post("chargepoints", {"id": "CP1"}, **KEY).json()["key"]
    api.delete("chargepoints/CP1")
    collection_of("idempotency_keys").update_one({}, {"$set": {"expires_at": datetime.now(UTC)}})

    assert api.post("chargepoints", {"id": "CP1"}, **KEY).json()["key"] != first


def test_another_body_is_refused(voltway: Company) -> None:
    voltway.api().post("id-tokens", {"id_tag": "A"}, **KEY)

    assert_problem(voltway.api().post("id-tokens", {"id_tag": "B"}, **KEY), 409, "idempotency_key_reused")
    assert IdToken.objects.count() == 1


def test_of_many_at_the_same_moment_one_is_done(voltway: Company) -> None:
    token = voltway.token()

    def create(_: int) -> Any:
        try:
            return Api(token).post("id-tokens", {"id_tag": "A"}, **KEY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(create, range(24)))

    done = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(done) + len(waiting) == 24
    assert sum("Idempotency-Replayed" not in answer for answer in done) == 1
    assert len({answer.content for answer in done}) == 1
    for answer in waiting:
        assert_problem(answer, 409, "idempotency_in_progress")
        assert answer["Retry-After"] == "1"


def test_a_refusal_frees_the_key(voltway: Company) -> None:
    api = voltway.api()
    assert_problem(api.post("id-tokens", {"id_tag": "ä"}, **KEY), 400, "invalid")
    IdToken.objects.create(id="a", id_tag="A")
    assert_problem(api.post("id-tokens", {"id_tag": "A"}, **KEY), 409, "id_token_exists")

    assert api.post("id-tokens", {"id_tag": "B"}, **KEY).status_code == 201


def test_a_request_that_broke_off_is_never_done_again(voltway: Company, collection_of: Any) -> None:
    api = voltway.api()
    api.post("id-tokens", {"id_tag": "A"}, **KEY)
    crashed = {"answer": None, "claimed_at": datetime.now(UTC) - timedelta(minutes=2)}
    collection_of("idempotency_keys").update_one({}, {"$set": crashed})
    IdToken.objects.all().delete()

    assert_problem(api.post("id-tokens", {"id_tag": "A"}, **KEY), 409, "idempotency_outcome_unknown")
    assert IdToken.objects.count() == 0


def test_an_answer_is_kept_for_a_day(voltway: Company, collection_of: Any) -> None:
    api = voltway.api()
    api.post("id-tokens", {"id_tag": "A"}, **KEY)
    keys = collection_of("idempotency_keys")
    kept = keys.find_one()
    assert kept["expires_at"] - kept["claimed_at"] == timedelta(hours=24)
    assert any("expireAfterSeconds" in index for index in keys.index_information().values())

    keys.update_one({}, {"$set": {"expires_at": datetime.now(UTC)}})

    assert_problem(api.post("id-tokens", {"id_tag": "A"}, **KEY), 409, "id_token_exists")


def test_a_key_is_its_users_own(voltway: Company) -> None:
    voltway.api("admin").post("id-tokens", {"id_tag": "A"}, **KEY)

    assert_problem(voltway.api("operator").post("id-tokens", {"id_tag": "A"}, **KEY), 409, "id_token_exists")


def test_tenants_too(root_api: Api, voltway: Company) -> None:
    slug = f"{voltway.slug}-b"
    try:
        first = root_api.post("tenants", {"slug": slug, "name": "B"}, **KEY)
        assert first.status_code == 201
        assert root_api.post("tenants", {"slug": slug, "name": "B"}, **KEY).json() == first.json()
    finally:
        drop_tenant(slug)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_keys_that_are_none(voltway: Company, key: str) -> None:
    assert_problem(voltway.api().post("id-tokens", {"id_tag": "A"}, **{"Idempotency-Key": key}), 400, "parse_error")

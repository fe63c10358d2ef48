"""Every kind of bad input gets its problem, and nothing of it reaches the database."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chargepoints.models import ChargePoint
from csms.strict_json import MAX_BODY_BYTES
from sessions_app.models import IdToken
from tests.rest.conftest import Api, Company, assert_problem

POINT = "chargepoints"


@pytest.mark.parametrize("path", ["/api/v1/no-such-thing", "/api/v1/", "/api/v2/chargepoints", "/api", "/api/x/y"])
def test_unknown_addresses(anyone: Api, path: str) -> None:
    assert_problem(anyone.get(path), 404, "not_found")


@pytest.mark.parametrize("method, path", [("PUT", POINT), ("DELETE", POINT), ("OPTIONS", POINT), ("POST", "sessions")])
def test_wrong_methods(voltway: Company, method: str, path: str) -> None:
    answer = voltway.api().send(method, path, b"{}")

    assert_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "x"])
def test_a_body_that_is_not_json(voltway: Company, content_type: str) -> None:
    assert_problem(voltway.api().send("POST", POINT, b"id=CP1", content_type), 415, "unsupported_media_type")


def test_an_answer_nobody_offers(voltway: Company) -> None:
    assert_problem(voltway.api().get(POINT, None, Accept="image/png"), 406, "not_acceptable")


@pytest.mark.parametrize(
    "body, says",
    [
        (b" ", "not JSON"),
        (b"{", "not JSON"),
        (b'{"id": "CP1"', "not JSON"),
        (b'{"id": "CP1"} x', "not JSON"),
        (b'{"id": NaN}', "NaN"),
        (b'{"id": "CP1", "location": {"lat": Infinity}}', "Infinity"),
        (b'{"location": {"lat": 1e400}}', "too large"),
        (b'{"security_profile": 99999999999999999999999}', "too large"),
        (b'{"security_profile": ' + b"9" * 5000 + b"}", "too large"),
        (b'{"id": "CP1", "id": "CP2"}', "twice"),
        (b'{"name": "a\\u0000b"}', "NUL"),
        (b'{"na\\u0000me": "b"}', "NUL"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b'{"tags": ["\\udfff"]}', "surrogate"),
        (b'{"tags": [["\\udfff"]]}', "surrogate"),
        (b'{"id": "\xff"}', "UTF-8"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
    ],
)
def test_malformed_bodies(voltway: Company, in_voltway: None, body: bytes, says: str) -> None:
    problem = assert_problem(voltway.api().send("POST", POINT, body), 400, "parse_error")

    assert says in problem["detail"]
    assert ChargePoint.objects.count() == 0


def test_a_body_that_is_too_large(voltway: Company) -> None:
    body = json.dumps({"id": "CP1", "name": "x" * MAX_BODY_BYTES}).encode()

    assert_problem(voltway.api().send("POST", POINT, body), 413, "too_large")


@pytest.mark.parametrize("body", [[], "CP1", 1, None, True])
def test_a_body_that_is_no_object(voltway: Company, body: Any) -> None:
    assert_problem(voltway.api().send("POST", POINT, json.dumps(body).encode()), 400, "invalid")


@pytest.mark.parametrize(
    "body, fields",
    [
        ({}, ["id"]),
        ({"id": ""}, ["id"]),
        ({"id": "a b"}, ["id"]),
        ({"id": "a/b"}, ["id"]),
        ({"id": "CP1\n"}, ["id"]),
        ({"id": ".."}, ["id"]),
        ({"id": " CP1"}, ["id"]),
        ({"id": "x" * 49}, ["id"]),
        ({"id": {"$ne": 1}}, ["id"]),
        ({"id": ["CP1"]}, ["id"]),
        ({"id": "CP1", "name": {"$gt": ""}}, ["name"]),
        ({"id": "CP1", "tags": "x"}, ["tags"]),
        ({"id": "CP1", "tags": ["ok", {"$ne": 1}]}, ["tags.1"]),
        ({"id": "CP1", "security_profile": 4}, ["security_profile"]),
        ({"id": "CP1", "security_profile": "1"}, ["security_profile"]),
        ({"id": "CP1", "security_profile": True}, ["security_profile"]),
        ({"id": "CP1", "registration": "perhaps"}, ["registration"]),
        ({"id": "CP1", "location": {"lat": 91}}, ["location.lat"]),
        ({"id": "CP1", "location": {"lat": "nan"}}, ["location.lat"]),
        ({"id": "CP1", "location": {"lat": 1, "$where": "1"}}, ["location.$where"]),
        ({"id": "CP1", "location": 5}, ["location"]),
        ({"id": "CP1", "nmae": "x", "$set": {}}, ["$set", "nmae"]),
        ({"id": "CP1", "credential_hash": "x"}, ["credential_hash"]),
        ({"id": "CP1", "epoch": 5}, ["epoch"]),
    ],
)
def test_fields_that_are_not_valid(voltway: Company, in_voltway: None, body: Any, fields: list[str]) -> None:
    problem = assert_problem(voltway.api().post(POINT, body), 400, "invalid")

    assert sorted(problem["errors"]) == fields
    assert all(messages and all(messages) for messages in problem["errors"].values())
    assert ChargePoint.objects.count() == 0


@pytest.mark.parametrize(
    "body, field",
    [
        ({"id_tag": "AA", "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"id_tag": "AA", "expires_at": "tomorrow"}, "expires_at"),
        ({"id_tag": "AA", "expires_at": {"$gt": ""}}, "expires_at"),
        ({"id_tag": "AA", "max_active": 2**40}, "max_active"),
        ({"id_tag": "AA", "max_active": -1}, "max_active"),
        ({"id_tag": "AA", "max_active": 1.5}, "max_active"),
        ({"id_tag": "ä"}, "id_tag"),
        ({"id_tag": "."}, "id_tag"),
        ({"id_tag": "A\nB"}, "id_tag"),
        ({"id_tag": "A" * 37}, "id_tag"),
        ({"id_tag": "AA", "status": "$ne"}, "status"),
    ],
)
def test_id_tokens_that_are_not_valid(voltway: Company, in_voltway: None, body: Any, field: str) -> None:
    problem = assert_problem(voltway.api().post("id-tokens", body), 400, "invalid")

    assert list(problem["errors"]) == [field]
    assert IdToken.objects.count() == 0


@pytest.mark.parametrize(
    "query",
    [
        "status[$ne]=x",
        "status[%24ne]=x",
        "status=%7B%22%24ne%22%3A1%7D",
        "status=perhaps",
        "status=active&status=completed",
        "no_such_filter=1",
        "start_time_from=yesterday",
        "start_time_from=9999-12-31T23:59:59-14:00",
        "start_time_from=0001-01-01T00:00:00%2B14:00",
        "start_time_from=2026-05-01T00:00:00+02:00",
        "transaction_id=x",
        "transaction_id=99999999999999999999",
        "transaction_id[$gt]=0",
        "page_size=0",
        "page_size=501",
        "page_size=-1",
        "page_size=x",
        "page_size=%D9%A1",
        "ordering=energy_wh",
        "ordering=__class__",
        "charge_point_id=" + "x" * 49,
    ],
)
def test_queries_that_are_not_valid(voltway: Company, query: str) -> None:
    problem = assert_problem(voltway.api().get(f"sessions?{query}"), 400, "invalid")

    assert problem["errors"]


@pytest.mark.parametrize("query", ["id_tag=%00", "x=a%00b", "%00=x", "id_tag=%ED%A0%80", "id_tag=%FF", "id_tag=%C3%28"])
def test_queries_that_are_not_text(voltway: Company, query: str) -> None:
    for path in ("sessions", "chargepoints", "sessions/x/meter-values", "chargepoints/x"):
        assert_problem(voltway.api().get(f"{path}?{query}"), 400, "parse_error")


@pytest.mark.parametrize("cursor", ["x", "%FF", "WzFd", "bnVsbA", "e30", "WyItcmVjZWl2ZWRfYXQiLDAse30sMV0", "A" * 5000])
def test_cursors_that_are_none(voltway: Company, cursor: str) -> None:
    answer = voltway.api().get(f"sessions?cursor={cursor}")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    ["id_tag=(a%2B)%2B%24", "id_tag=.*", "charge_point_id=.*", "charge_point_id=%7B%22%24gt%22%3A%22%22%7D"],
)
def test_patterns_and_operators_are_plain_text(voltway: Company, query: str) -> None:
    answer = voltway.api().get(f"sessions?{query}")

    assert answer.status_code == 200
    assert answer.json()["results"] == []


ODD_IDS = ["%00", "%24ne", "%7B%22%24ne%22%3A1%7D", "a%0Ab", "x" * 5000, "%F0%9F%98%80", "%ED%A0%80"]


@pytest.mark.parametrize("identity", ODD_IDS)
def test_ids_that_cannot_be(voltway: Company, identity: str) -> None:
    for path in ("chargepoints", "sessions", "id-tokens"):
        assert_problem(voltway.api().get(f"{path}/{identity}"), 404, "not_found")
    assert_problem(voltway.api().get(f"chargepoints/{identity}/sessions"), 404, "not_found")
    assert_problem(voltway.api().get(f"sessions/{identity}/meter-values"), 404, "not_found")


def test_an_unexpected_error_tells_nothing_but_its_name_in_the_log(
    voltway: Company, in_voltway: None, collection_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    # A document no code of this product writes: the one way to a real fault from outside.
    collection_of("id_tokens").insert_one({"_id": "broken", "id_tag": "B", "expires_at": "not a date"})

    problem = assert_problem(voltway.api().get("id-tokens/broken"), 500, "internal_error")

    assert problem["instance"].startswith("urn:uuid:")
    assert "not a date" not in json.dumps(problem)
    assert problem["instance"] in caplog.text


def test_a_trailing_slash_is_accepted(voltway: Company) -> None:
    for path in ("chargepoints/", "sessions/", "id-tokens/", f"tenants/{voltway.slug}/"):
        assert voltway.api().get(path).status_code == 200

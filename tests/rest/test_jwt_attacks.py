"""Tokens that somebody has made or copied. What a well-behaved client sees is in test_tokens.py."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from django.db import connections

from csms.signing_keys import key_pair
from tenants.access import access_to
from tenants.models import LogIn, Membership, Tenant
from tenants.tokens import TokenPair, issue_tokens
from tests.rest.conftest import Api, Company, assert_problem
from tests.rest.signers import private_pem, public_pem, rsa_key

RSA = rsa_key()
SOMEBODY_ELSES = rsa_key()


def log_in(company: Company, role: str = "admin") -> TokenPair:
    return issue_tokens(access_to(company.users[role], company.slug))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def segment(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def signed_with_public_key(token: str) -> str:
    """The classic confusion of algorithms: HMAC, with the text of the public key as the secret."""
    header, claims = parts(token)
    text = f"{segment({**header, 'alg': 'HS256'})}.{segment(claims)}"
    digest = hmac.new(public_pem(RSA).encode(), text.encode(), "sha256").digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def unsigned(spelling: str) -> Callable[[str], str]:
    def forge(token: str) -> str:
        header, claims = parts(token)
        return f"{segment({**header, 'alg': spelling})}.{segment(claims)}."

    return forge


def with_header(**changes: Any) -> Callable[[str], str]:
    """A token by somebody else's key, with a header that should lead us to believe in that key."""

    def forge(token: str) -> str:
        header, claims = parts(token)
        return jwt.encode(claims, SOMEBODY_ELSES, algorithm="RS256", headers={**header, **changes})

    return forge


def tampered(**changes: Any) -> Callable[[str], str]:
    def forge(token: str) -> str:
        header, _, signature = token.split(".")
        return f"{header}.{segment({**parts(token)[1], **changes})}.{signature}"

    return forge


JWK = jwt.algorithms.RSAAlgorithm.to_jwk(SOMEBODY_ELSES.public_key(), as_dict=True)
ATTACKS: dict[str, Callable[[str], str]] = {
    "none": unsigned("none"),
    "NoNe": unsigned("NoNe"),
    "no algorithm": unsigned(""),
    "public key as secret": signed_with_public_key,
    "another key, our kid": with_header(),
    "another kid": with_header(kid="mine"),
    "no kid": lambda token: jwt.encode(parts(token)[1], RSA, algorithm="RS256"),
    "kid a path": with_header(kid="../../../../dev/null"),
    "kid an injection": with_header(kid="x' UNION SELECT 'secret"),
    "kid a dictionary": lambda token: f"{segment({'alg': 'RS256', 'kid': {'$ne': 1}})}.{token.split('.', 1)[1]}",
    "key in the header": with_header(jwk=JWK),
    "key at an address": with_header(jku="http://127.0.0.1:1/jwks.json"),
    "certificate at an address": with_header(x5u="http://127.0.0.1:1/cert.pem"),
    "role raised": tampered(role="superuser"),
    "tenant changed": tampered(tenant_id="somebody-elses"),
    "longer life": tampered(exp=int(time.time()) + 10**8),
    "PS256 by our key": lambda token: jwt.encode(
        parts(token)[1], RSA, algorithm="PS256", headers={"kid": parts(token)[0]["kid"]}
    ),
    "unknown critical header": lambda token: jwt.encode(
        parts(token)[1], RSA, algorithm="RS256", headers={"kid": parts(token)[0]["kid"], "crit": ["x"], "x": 1}
    ),
    "cut off": lambda token: token[:-4],
    "four parts": lambda token: token + ".x",
    "no JSON": lambda token: "e30." + token,
    "emptiness": lambda token: "..",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_token_is_refused(attack: str, voltway: Company, anyone: Api, settings: Any) -> None:
    settings.JWT_KEYS = key_pair(private_pem(RSA))
    real = log_in(voltway).access
    forged = ATTACKS[attack](real)

    assert Api(real).get("chargepoints").status_code == 200
    assert_problem(Api(forged).get("chargepoints"), 401, "token_not_valid")
    assert_problem(anyone.post("auth/token/verify", {"token": forged}), 401, "token_not_valid")


@pytest.mark.parametrize(
    "missing", ["exp", "iat", "iss", "aud", "jti", "user_id", "log_in", "token_type", "credential"]
)
def test_a_token_without_a_claim_is_refused(missing: str, voltway: Company, settings: Any) -> None:
    settings.JWT_KEYS = key_pair(private_pem(RSA))
    header, claims = parts(log_in(voltway).access)
    del claims[missing]
    token = jwt.encode(claims, RSA, algorithm="RS256", headers={"kid": header["kid"]})

    assert_problem(Api(token).get("chargepoints"), 401, "token_not_valid")


@pytest.mark.parametrize("end", ["9999999999", 1e300, 10**30])
def test_an_end_that_is_no_moment_is_refused(end: Any, voltway: Company, settings: Any) -> None:
    settings.JWT_KEYS = key_pair(private_pem(RSA))
    header, claims = parts(log_in(voltway).access)
    token = jwt.encode({**claims, "exp": end}, RSA, algorithm="RS256", headers={"kid": header["kid"]})

    assert_problem(Api(token).get("chargepoints"), 401, "token_not_valid")


def test_a_token_is_good_for_its_own_purpose_only(voltway: Company, anyone: Api) -> None:
    pair = log_in(voltway)

    assert_problem(Api(pair.refresh).get("chargepoints"), 401, "token_not_valid")
    assert_problem(anyone.post("auth/token/refresh", {"refresh": pair.access}), 401, "token_not_valid")


def test_a_refresh_token_is_good_once_and_a_copy_ends_the_log_in(voltway: Company, anyone: Api) -> None:
    stolen = log_in(voltway)
    second = anyone.post("auth/token/refresh", {"refresh": stolen.refresh}).json()
    assert Api(second["access"]).get("chargepoints").status_code == 200

    assert_problem(anyone.post("auth/token/refresh", {"refresh": stolen.refresh}), 401, "token_not_valid")

    assert_problem(anyone.post("auth/token/refresh", {"refresh": second["refresh"]}), 401, "token_not_valid")
    for token in (stolen.access, second["access"]):
        assert_problem(Api(token).get("chargepoints"), 401, "token_not_valid")


def test_refreshing_again_and_again_is_fine_and_lasts_no_longer_than_the_log_in(voltway: Company, anyone: Api) -> None:
    refresh = log_in(voltway).refresh
    end = parts(refresh)[1]["exp"]
    for _ in range(5):
        pair = anyone.post("auth/token/refresh", {"refresh": refresh}).json()
        refresh = pair["refresh"]

    assert parts(refresh)[1]["exp"] == end
    assert Api(pair["access"]).get("chargepoints").status_code == 200


def test_of_many_refreshes_at_once_at_most_one_succeeds(voltway: Company) -> None:
    refresh = log_in(voltway).refresh

    def attempt(_: int) -> int:
        try:
            return int(Api().post("auth/token/refresh", {"refresh": refresh}).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(attempt, range(8)))

    assert statuses.count(200) <= 1
    assert set(statuses) <= {200, 401}
    assert_problem(Api().post("auth/token/refresh", {"refresh": refresh}), 401, "token_not_valid")


def test_another_log_in_of_the_same_user_is_untouched(voltway: Company, anyone: Api) -> None:
    stolen, other = log_in(voltway), log_in(voltway)
    anyone.post("auth/token/refresh", {"refresh": stolen.refresh})
    anyone.post("auth/token/refresh", {"refresh": stolen.refresh})

    assert Api(other.access).get("chargepoints").status_code == 200


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_logging_out_ends_both_tokens(kind: str, voltway: Company, anyone: Api) -> None:
    pair, other = log_in(voltway), log_in(voltway)

    answer = anyone.post("auth/logout", {"token": getattr(pair, kind)})

    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(Api(pair.access).get("chargepoints"), 401, "token_not_valid")
    assert_problem(anyone.post("auth/token/refresh", {"refresh": pair.refresh}), 401, "token_not_valid")
    assert_problem(anyone.post("auth/logout", {"token": pair.access}), 401, "token_not_valid")
    assert Api(other.access).get("chargepoints").status_code == 200


def test_logging_out_everywhere_ends_all_of_the_user_and_nobody_elses(voltway: Company, anyone: Api) -> None:
    mine, mine_too, hers = log_in(voltway), log_in(voltway), log_in(voltway, "viewer")

    assert anyone.post("auth/logout", {"token": mine.access, "everywhere": True}).status_code == 204

    for pair in (mine, mine_too):
        assert_problem(Api(pair.access).get("chargepoints"), 401, "token_not_valid")
    assert Api(hers.access).get("chargepoints").status_code == 200


def test_a_log_in_that_is_gone_from_the_database_is_over(voltway: Company) -> None:
    pair = log_in(voltway)
    LogIn.objects.filter(pk=parts(pair.access)[1]["log_in"]).delete()

    assert_problem(Api(pair.access).get("chargepoints"), 401, "token_not_valid")


def test_a_log_in_disappears_by_itself() -> None:
    indexes = connections["default"].get_collection("log_ins").index_information()

    assert indexes["log_in_expiry"]["expireAfterSeconds"] == 0


@pytest.mark.parametrize("change", ["suspended", "removed", "demoted"])
def test_a_change_counts_for_tokens_that_are_out(change: str, voltway: Company, anyone: Api) -> None:
    pair = log_in(voltway)
    body = {"id": f"CP{secrets.token_hex(3)}"}
    assert Api(pair.access).post("chargepoints", body).status_code == 201
    membership = Membership.objects.filter(user=voltway.users["admin"], tenant_id=voltway.slug)

    if change == "suspended":
        Tenant.objects.filter(slug=voltway.slug).update(status="suspended")
        assert_problem(Api(pair.access).get("chargepoints"), 403, "tenant_suspended")
        assert_problem(anyone.post("auth/token/refresh", {"refresh": pair.refresh}), 403, "tenant_suspended")
    elif change == "removed":
        membership.delete()
        assert_problem(Api(pair.access).get("chargepoints"), 401, "token_not_valid")
        assert_problem(anyone.post("auth/token/refresh", {"refresh": pair.refresh}), 401, "token_not_valid")
    else:
        membership.update(role="viewer")
        assert_problem(Api(pair.access).post("chargepoints", body), 403, "permission_denied")

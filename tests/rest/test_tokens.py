"""Logging in, and what a token is worth afterwards."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings

from tenants.access import access_to
from tenants.models import Membership, Role, Tenant, User
from tenants.tokens import issue_tokens
from tests.rest.conftest import PASSWORD, Api, Company, assert_problem


def log_in(api: Api, user: User, **extra: Any) -> Any:
    return api.post("auth/token", {"username": user.username, "password": PASSWORD, **extra})


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def forged(changes: dict[str, Any], token: str, key: str | None = None, algorithm: str = "HS256") -> str:
    secret = key if key is not None else django_settings.JWT_KEYS.material
    headers = {"kid": django_settings.JWT_KEYS.kid}
    return jwt.encode({**claims(token), **changes}, secret, algorithm=algorithm, headers=headers)


def test_a_log_in_returns_tokens_with_tenant_and_role(anyone: Api, voltway: Company) -> None:
    answer = log_in(anyone, voltway.users["operator"])

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    for name in ("access", "refresh"):
        found = claims(answer.json()[name])
        assert found["tenant_id"] == voltway.slug
        assert found["role"] == "operator"
        assert found["iss"] == "csms"
        assert found["aud"] == "csms-api"
        assert found["user_id"] == str(voltway.users["operator"].pk)


def test_the_access_token_opens_the_api(anyone: Api, voltway: Company) -> None:
    token = log_in(anyone, voltway.users["viewer"]).json()["access"]

    assert Api(token).get("chargepoints").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"username": "nobody", "password": PASSWORD},
        {"username": "{admin}", "password": "wrong"},
        {"username": "{admin}", "password": PASSWORD, "tenant": "no-such-tenant"},
        {"username": "{admin}", "password": PASSWORD, "tenant": "{amperia}"},
    ],
)
def test_what_is_wrong_with_a_log_in_is_not_told(
    anyone: Api, voltway: Company, amperia: Company, body: dict[str, str]
) -> None:
    names = {"admin": voltway.users["admin"].username, "amperia": amperia.slug}
    answer = anyone.post("auth/token", {name: text.format(**names) for name, text in body.items()})

    problem = assert_problem(answer, 401, "wrong_credentials")
    assert problem["detail"] == "the user name, the password or the tenant is wrong"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_inactive_user_cannot_log_in(anyone: Api, voltway: Company) -> None:
    User.objects.filter(pk=voltway.users["admin"].pk).update(is_active=False)

    assert_problem(log_in(anyone, voltway.users["admin"]), 401, "wrong_credentials")


def test_a_member_of_two_tenants_must_name_one(anyone: Api, voltway: Company, amperia: Company) -> None:
    ada = voltway.users["admin"]
    Membership.objects.create(user=ada, tenant_id=amperia.slug, role=Role.VIEWER)

    problem = assert_problem(log_in(anyone, ada), 400, "tenant_required")
    assert voltway.slug in problem["detail"]
    assert amperia.slug in problem["detail"]

    found = claims(log_in(anyone, ada, tenant=amperia.slug).json()["access"])
    assert (found["tenant_id"], found["role"]) == (amperia.slug, "viewer")


def test_a_user_without_a_tenant_is_told_so(anyone: Api, voltway: Company) -> None:
    Membership.objects.filter(user=voltway.users["viewer"]).delete()

    assert_problem(log_in(anyone, voltway.users["viewer"]), 403, "no_membership")


def test_a_suspended_tenant_lets_nobody_in(anyone: Api, voltway: Company) -> None:
    token = voltway.token()
    Tenant.objects.filter(slug=voltway.slug).update(status="suspended")

    assert_problem(log_in(anyone, voltway.users["admin"]), 403, "tenant_suspended")
    assert_problem(Api(token).get("chargepoints"), 403, "tenant_suspended")


def test_a_superuser_acts_outside_of_tenants_or_in_the_one_named(anyone: Api, root: User, voltway: Company) -> None:
    outside = claims(log_in(anyone, root).json()["access"])
    inside = claims(log_in(anyone, root, tenant=voltway.slug).json()["access"])

    assert (outside["tenant_id"], outside["role"]) == (None, "superuser")
    assert (inside["tenant_id"], inside["role"]) == (voltway.slug, "superuser")


def test_missing_fields_are_named(anyone: Api) -> None:
    problem = assert_problem(anyone.post("auth/token", {"username": "ada"}), 400, "invalid")

    assert list(problem["errors"]) == ["password"]


def test_a_refresh_keeps_the_tenant_and_reads_the_role_again(anyone: Api, voltway: Company) -> None:
    refresh = log_in(anyone, voltway.users["viewer"]).json()["refresh"]
    Membership.objects.filter(user=voltway.users["viewer"]).update(role="operator")

    answer = anyone.post("auth/token/refresh", {"refresh": refresh})

    found = claims(answer.json()["access"])
    assert (found["tenant_id"], found["role"], found["token_type"]) == (voltway.slug, "operator", "access")


def test_a_refresh_ends_with_the_membership_the_account_and_the_password(anyone: Api, voltway: Company) -> None:
    otto = voltway.users["operator"]
    refresh = {"refresh": log_in(anyone, otto).json()["refresh"]}

    otto.set_password("another password entirely")
    otto.save(update_fields=["password"])
    assert_problem(anyone.post("auth/token/refresh", refresh), 401, "token_not_valid")

    otto.set_password(PASSWORD)
    otto.save(update_fields=["password"])
    refresh = {"refresh": log_in(anyone, otto).json()["refresh"]}
    Membership.objects.filter(user=otto).delete()
    assert_problem(anyone.post("auth/token/refresh", refresh), 401, "token_not_valid")


def test_verify_tells_whose_a_token_is(anyone: Api, voltway: Company) -> None:
    answer = anyone.post("auth/token/verify", {"token": voltway.token("viewer")})

    assert answer.status_code == 200
    facts = answer.json()
    assert facts["tenant_id"] == voltway.slug
    assert facts["role"] == "viewer"
    assert facts["token_type"] == "access"
    assert facts["expires_at"].endswith("Z")


def test_verify_refuses_what_is_no_token(anyone: Api) -> None:
    assert_problem(anyone.post("auth/token/verify", {"token": "x.y.z"}), 401, "token_not_valid")


def test_a_changed_role_counts_at_once(voltway: Company) -> None:
    api = voltway.api("viewer")
    body = {"id_tag": "04AA"}
    assert_problem(api.post("id-tokens", body), 403, "permission_denied")

    Membership.objects.filter(user=voltway.users["viewer"]).update(role="operator")

    assert api.post("id-tokens", body).status_code == 201


def test_an_ended_membership_ends_the_token(voltway: Company) -> None:
    api = voltway.api("viewer")
    Membership.objects.filter(user=voltway.users["viewer"]).delete()

    assert_problem(api.get("chargepoints"), 401, "token_not_valid")


def test_a_deactivated_user_is_refused(voltway: Company) -> None:
    api = voltway.api()
    User.objects.filter(pk=voltway.users["admin"].pk).update(is_active=False)

    assert_problem(api.get("chargepoints"), 401, "token_not_valid")


def test_no_token_is_401_with_a_challenge(anyone: Api) -> None:
    answer = anyone.get("chargepoints")

    assert_problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_refresh_token_is_no_access_token(voltway: Company) -> None:
    refresh = issue_tokens(access_to(voltway.users["admin"], voltway.slug)).refresh

    assert_problem(Api(refresh).get("chargepoints"), 401, "token_not_valid")


def test_forged_tokens_are_refused(voltway: Company, amperia: Company) -> None:
    token = voltway.token()
    past = 1_500_000_000
    header, payload, _ = token.split(".")
    wrong = {
        "another key": forged({}, token, key="another-secret-of-sufficient-length-0123456789"),
        "none": forged({}, token, key="", algorithm="none"),
        "HS512": forged({}, token, algorithm="HS512"),
        "expired": forged({"exp": past}, token),
        "another audience": forged({"aud": "somebody-else"}, token),
        "another issuer": forged({"iss": "somebody-else"}, token),
        "tampered tenant": forged({"tenant_id": amperia.slug}, token, key="guessed-secret-of-sufficient-length-012345"),
        "tenant of others, well signed": forged({"tenant_id": amperia.slug}, token),
        "tenant an operator": forged({"tenant_id": {"$ne": None}}, token),
        "no such user": forged({"user_id": "0" * 24}, token),
        "user an operator": forged({"user_id": {"$ne": None}}, token),
        "user no id": forged({"user_id": "x"}, token),
        "no signature": f"{header}.{payload}.",
    }
    for name, text in wrong.items():
        answer = Api(text).get("chargepoints")
        assert answer.status_code == 401, name
        assert answer["Content-Type"] == "application/problem+json", name


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
def test_the_scheme_may_be_written_in_any_case(anyone: Api, voltway: Company, scheme: str) -> None:
    assert anyone.get("chargepoints", None, Authorization=f"{scheme} {voltway.token()}").status_code == 200


@pytest.mark.parametrize("header", ["Bearer", "Basic YTpi", "Bearer a b", "Bearer \x80", "nonsense"])
def test_odd_authorization_headers_are_refused(anyone: Api, header: str) -> None:
    assert_problem(anyone.get("chargepoints", None, Authorization=header), 401, "token_not_valid")


def test_a_role_claim_gives_nothing(voltway: Company) -> None:
    token = forged({"role": "superuser"}, voltway.token("viewer"))

    assert_problem(Api(token).post("tenants", {"slug": "mine", "name": "Mine"}), 403, "permission_denied")


def test_failed_log_ins_are_counted_per_address(anyone: Api, voltway: Company, settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"login": "3/min"}}
    wrong = {"username": voltway.users["admin"].username, "password": "wrong"}
    for _ in range(5):
        assert log_in(anyone, voltway.users["admin"]).status_code == 200
    for _ in range(3):
        assert_problem(anyone.post("auth/token", wrong), 401, "wrong_credentials")

    answer = anyone.post("auth/token", wrong)

    assert_problem(answer, 429, "throttled")
    assert 1 <= int(answer["Retry-After"]) <= 120
    assert_problem(log_in(anyone, voltway.users["admin"]), 429, "throttled")


def test_tokens_live_as_long_as_the_settings_say(voltway: Company) -> None:
    found = claims(voltway.token())

    assert found["exp"] - found["iat"] == django_settings.JWT_ACCESS_LIFETIME

"""Keys that sign tokens: which are taken, what is published, and how they are changed."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from csms.signing_keys import SigningKeys, key_pair, shared_secret
from tests.rest.conftest import Api, Company, assert_problem
from tests.rest.signers import PrivateKey, ed25519_key, private_pem, public_pem, rsa_key

SIGNERS: dict[str, PrivateKey] = {"RS256": rsa_key(), "EdDSA": ed25519_key()}


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_stranger_checks_our_tokens_with_the_published_keys(
    algorithm: str, anyone: Api, voltway: Company, settings: Any
) -> None:
    settings.JWT_KEYS = key_pair(private_pem(SIGNERS[algorithm]))
    token = voltway.token()
    answer = anyone.get("/.well-known/jwks.json")
    published = jwt.PyJWKSet.from_dict(answer.json())

    header = jwt.get_unverified_header(token)
    found = jwt.decode(token, published[header["kid"]], algorithms=[algorithm], audience="csms-api", issuer="csms")

    assert header["alg"] == algorithm
    assert found["tenant_id"] == voltway.slug
    assert answer["Content-Type"] == "application/jwk-set+json"
    assert Api(token).get("chargepoints").status_code == 200


def test_nothing_private_is_published(anyone: Api, settings: Any) -> None:
    settings.JWT_KEYS = key_pair(private_pem(SIGNERS["RS256"]), public_pem(SIGNERS["EdDSA"]))

    rsa, okp = anyone.get("/.well-known/jwks.json").json()["keys"]

    assert set(rsa) == {"kty", "n", "e", "kid", "alg", "use"}
    assert set(okp) == {"kty", "crv", "x", "kid", "alg", "use"}


def test_a_shared_secret_publishes_nothing(anyone: Api) -> None:
    assert anyone.get("/.well-known/jwks.json").json() == {"keys": []}


def test_the_signing_key_changes_without_a_log_out(voltway: Company, settings: Any) -> None:
    first, second = SIGNERS["RS256"], SIGNERS["EdDSA"]
    settings.JWT_KEYS = key_pair(private_pem(first))
    old = voltway.api()

    settings.JWT_KEYS = key_pair(private_pem(first), public_pem(second))
    assert old.get("chargepoints").status_code == 200
    settings.JWT_KEYS = key_pair(private_pem(second), public_pem(first) + public_pem(second))
    assert old.get("chargepoints").status_code == 200
    assert voltway.api().get("chargepoints").status_code == 200

    settings.JWT_KEYS = key_pair(private_pem(second))
    assert_problem(old.get("chargepoints"), 401, "token_not_valid")


def test_tokens_of_a_shared_secret_end_where_a_private_key_begins(voltway: Company, settings: Any) -> None:
    old = voltway.api()
    settings.JWT_KEYS = key_pair(private_pem(SIGNERS["EdDSA"]))

    assert_problem(old.get("chargepoints"), 401, "token_not_valid")


def _curve() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _with_passphrase(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()


@pytest.mark.parametrize(
    "private, publics, reason",
    [
        ("nonsense", "", "not a private key in PEM"),
        (public_pem(SIGNERS["EdDSA"]), "", "not a private key in PEM"),
        (_with_passphrase(SIGNERS["EdDSA"]), "", "without a passphrase"),
        (_curve(), "", "neither an RSA nor an Ed25519 key"),
        (private_pem(rsa_key(1024)), "", "1024 bits; use 2048 or more"),
        (private_pem(SIGNERS["EdDSA"]), "nonsense", "no public key in PEM in it"),
        (private_pem(SIGNERS["EdDSA"]), private_pem(SIGNERS["RS256"]), "not a public key in PEM"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(private: str, publics: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        key_pair(private, publics)


@pytest.mark.parametrize("keys", [shared_secret("s" * 40), key_pair(private_pem(SIGNERS["EdDSA"]))])
def test_keys_do_not_show_themselves(keys: SigningKeys) -> None:
    assert "s" * 40 not in repr(keys)
    assert "PrivateKey" not in repr(keys)

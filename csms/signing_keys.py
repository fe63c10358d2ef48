"""The keys that sign and check API tokens: one shared secret, or a private key with its public ones.

Each key has an id (`kid`) and one algorithm. A token is checked with the key it names, by that key's own algorithm:
what a token says of its algorithm counts for nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

MIN_RSA_BITS = 2048
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)
_PublicKey = RSAPublicKey | Ed25519PublicKey
# What a key's thumbprint is made of, by its type (RFC 7638 §3.2, RFC 8037 §2).
_THUMBPRINT = {"RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}


@dataclass(frozen=True, slots=True)
class CheckingKey:
    """A key that tokens are checked with, and the one algorithm it is used with."""

    algorithm: str
    material: Any = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class SigningKeys:
    """What signs new tokens, and everything that old ones may be signed with, by `kid`."""

    kid: str
    algorithm: str
    material: Any = field(repr=False)
    checking: Mapping[str, CheckingKey]
    jwks: list[dict[str, Any]]


def shared_secret(secret: str) -> SigningKeys:
    """Return keys that sign and check with one secret (HS256). There is nothing to publish."""
    kid = hmac.new(secret.encode(), b"kid", "sha256").hexdigest()[:16]
    return SigningKeys(kid, "HS256", secret, {kid: CheckingKey("HS256", secret)}, [])


def key_pair(private_pem: str, public_pems: str = "") -> SigningKeys:
    """Return keys that sign with a private key and check with its public key and all further public ones.

    Raises:
        ValueError: a key cannot be read, is of another kind than RSA or Ed25519, or too short; the text says so.
    """
    private = _private_key(private_pem)
    publics = [private.public_key(), *(_public_key(block) for block in _blocks(public_pems))]
    jwks = {jwk["kid"]: jwk for jwk in map(_jwk, publics)}
    checking = {_jwk(key)["kid"]: CheckingKey(_algorithm(key), key) for key in publics}
    kid = _jwk(publics[0])["kid"]
    return SigningKeys(kid, _algorithm(publics[0]), private, checking, list(jwks.values()))


def _private_key(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("not a private key in PEM without a passphrase") from None
    if not isinstance(key, (RSAPrivateKey, Ed25519PrivateKey)):
        raise ValueError("neither an RSA nor an Ed25519 key")
    _algorithm(key.public_key())
    return key


def _public_key(pem: str) -> _PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        raise ValueError("not a public key in PEM") from None
    if not isinstance(key, (RSAPublicKey, Ed25519PublicKey)):
        raise ValueError("neither an RSA nor an Ed25519 key")
    _algorithm(key)
    return key


def _blocks(pems: str) -> list[str]:
    if pems.strip() and not _PEM.search(pems):
        raise ValueError("no public key in PEM in it")
    return _PEM.findall(pems)


def _algorithm(key: _PublicKey) -> str:
    if isinstance(key, Ed25519PublicKey):
        return "EdDSA"
    if key.key_size < MIN_RSA_BITS:
        raise ValueError(f"an RSA key of {key.key_size} bits; use {MIN_RSA_BITS} or more")
    return "RS256"


def _jwk(key: _PublicKey) -> dict[str, Any]:
    """Return a public key as RFC 7517 writes it, with its thumbprint as `kid`."""
    if isinstance(key, Ed25519PublicKey):
        jwk: dict[str, Any] = OKPAlgorithm.to_jwk(key, as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    facts = {name: jwk[name] for name in _THUMBPRINT[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(facts, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return {**facts, "kid": kid, "alg": _algorithm(key), "use": "sig"}

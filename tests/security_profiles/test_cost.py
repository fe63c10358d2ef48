"""A storm of reconnects: the checks of keys and certificates must cost next to nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from chargepoints.client_certificates import Holder, Trusted, check_certificate
from chargepoints.credentials import hash_key, key_matches, new_key
from tests.certificates import authority, issued, revocation_list

RECONNECTS = 10_000
MOST_SECONDS = 5.0


def test_ten_thousand_keys() -> None:
    keys = [new_key() for _ in range(100)]
    stored = [hash_key(key) for key in keys]
    begun = time.process_time()
    for number in range(RECONNECTS):
        assert key_matches(stored[number % 100], keys[number % 100].encode())
    assert time.process_time() - begun < MOST_SECONDS


def test_ten_thousand_certificates() -> None:
    ca = authority()
    revoked = revocation_list(ca, *(issued(ca, f"CP{number}") for number in range(20)))
    mine = issued(ca, "CP1", organization="CPO").pem
    holder, trusted, now = Holder("t", "CP1", frozenset({"CP1"}), "CPO"), Trusted(ca.pem, revoked), datetime.now(UTC)
    begun = time.process_time()
    for _ in range(RECONNECTS):
        assert check_certificate(mine, holder, trusted, now).name == "CP1"
    assert time.process_time() - begun < MOST_SECONDS

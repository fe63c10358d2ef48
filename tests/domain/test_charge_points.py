"""Charge points: their keys, how many a tenant may have, and who owns one."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from chargepoints.connection import StationGone, claim, release
from chargepoints.credentials import hash_key, key_matches, new_key, strong_enough
from chargepoints.models import ConnectorState
from chargepoints.offline import disown, holders
from chargepoints.provisioning import ChargePointLimit, create_charge_point, delete_charge_point
from chargepoints.station import StaleConnection, Station
from chargepoints.status import StatusReport, record_status
from csms.errors import Conflict
from tenants.context import NoTenant, tenant_scope
from tests.domain.conftest import connected
from tests.people import Installed, Operator, with_orm

NOW = datetime(2026, 6, 1, tzinfo=UTC)

# -- Keys ----------------------------------------------------------------------------------------


def test_a_key_matches_itself_in_either_form() -> None:
    key = new_key()
    stored = hash_key(key)
    for form in (key.encode(), key.upper().encode(), bytes.fromhex(key)):
        assert key_matches(stored, form)


def test_a_key_of_raw_bytes_matches_its_hex() -> None:
    raw = secrets.token_bytes(16)
    stored = hash_key(raw)
    assert key_matches(stored, raw)
    assert key_matches(stored, raw.hex().encode())


@pytest.mark.parametrize(
    "key",
    [
        b"a passphrase of words",
        b"0123456789abcdef",
        b"A" * 40,
        b"\xff" * 20,
        b"not-hex-but-40-characters-long-really!!!",
    ],
)
def test_any_key_matches_itself(key: bytes) -> None:
    assert key_matches(hash_key(key), key)


@pytest.mark.parametrize("other", [b"", b"\0", b" ", b"x"])
def test_a_key_matches_nothing_else(other: bytes) -> None:
    key = new_key()
    stored = hash_key(key)
    for wrong in (other, key.encode() + other if other else b"", key[:-1].encode(), key[:-2].encode()):
        assert not key_matches(stored, wrong)


@pytest.mark.parametrize(
    "stored", ["", "sha256", "sha256$", "sha256$salt", "sha256$salt$", "md5$salt$00", "$$", "plain"]
)
def test_what_is_no_stored_key_matches_nothing(stored: str) -> None:
    for key in (b"", b"plain", stored.encode()):
        assert not key_matches(stored, key)


def test_the_same_key_is_stored_differently_each_time() -> None:
    key = new_key()
    assert hash_key(key) != hash_key(key)
    assert key not in hash_key(key)


def test_new_keys_are_strong_and_never_the_same() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(bytes.fromhex(key)) == 20 and strong_enough(key.encode()) for key in keys)


@pytest.mark.parametrize(
    "key, strong",
    [
        (b"", False),
        (b"x" * 40, False),
        (b"abc" * 10, False),
        (bytes(range(65)), False),
        (bytes(range(15)), False),
        (bytes(range(16)), True),
        (b"12345678" * 2, True),
    ],
)
def test_strong_enough(key: bytes, strong: bool) -> None:
    assert strong_enough(key) is strong


# -- How many ------------------------------------------------------------------------------------


def in_tenant(operator: Operator, work: Any) -> Any:
    """Run `work` in a thread as the operator's tenant and return what it returns or raises."""

    def run() -> Any:
        with tenant_scope(operator.slug):
            return work()

    return with_orm(run)


def test_without_a_tenant_nothing_is_created(anna: Operator) -> None:
    with pytest.raises(NoTenant):
        with_orm(lambda: create_charge_point("CP1"))


def test_a_charge_point_is_created_once(anna: Operator, charger: Installed) -> None:
    with pytest.raises(Conflict):
        in_tenant(anna, lambda: create_charge_point(charger.identity))


@pytest.mark.parametrize("identity", ["", "x" * 49, "a/b", "a b", "a\0", "ä", "a%b", "a?b", "a#b"])
def test_identities_that_no_url_could_hold_are_refused(anna: Operator, identity: str) -> None:
    with pytest.raises(ValidationError):
        in_tenant(anna, lambda: create_charge_point(identity))


def test_the_limit_is_exact_when_fifty_are_created_at_once(global_database: None) -> None:
    emil = Operator.founding("emil", max_charge_points=20)

    def create(number: int) -> bool:
        try:
            with tenant_scope(emil.slug):
                create_charge_point(f"CP{number}")
        except ChargePointLimit:
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        created = list(threads.map(create, range(50)))
    assert sum(created) == 20
    assert emil.db["charge_points"].count_documents({}) == 20


def test_a_deleted_charge_point_makes_room(global_database: None) -> None:
    emil = Operator.founding("emil", max_charge_points=1)
    emil.installs("CP1")
    with pytest.raises(ChargePointLimit):
        emil.installs("CP2")
    assert in_tenant(emil, lambda: delete_charge_point("CP1"))
    assert not in_tenant(emil, lambda: delete_charge_point("CP1"))
    emil.installs("CP2")


# -- Whose ---------------------------------------------------------------------------------------


async def test_the_epoch_rises_with_every_claim(anna: Operator, charger: Installed) -> None:
    stations = await asyncio.gather(*(connected(anna, charger) for _ in range(10)))
    epochs = sorted(station.epoch for station in stations)
    assert epochs == list(range(epochs[0], epochs[0] + 10))
    assert anna.charge_point(charger.identity)["connected"]["epoch"] == epochs[-1]


async def test_a_station_that_was_deleted_cannot_be_claimed(anna: Operator, charger: Installed) -> None:
    in_tenant(anna, lambda: delete_charge_point(charger.identity))
    with pytest.raises(StationGone):
        await claim(anna.record(), charger.identity, instance="test", ocpp_version="1.6", now=NOW)


async def test_only_the_newest_connection_lets_go(anna: Operator, charger: Installed) -> None:
    old, new = await connected(anna, charger), await connected(anna, charger)
    assert await release(old, NOW, reason="late") is False
    assert anna.charge_point(charger.identity)["connected"]["epoch"] == new.epoch
    assert await release(new, NOW, reason="gone") is True
    assert await release(new, NOW, reason="again") is False
    assert anna.charge_point(charger.identity)["connected"] is None


async def test_a_stale_connection_does_not_overwrite_a_state(anna: Operator, charger: Installed) -> None:
    old, new = await connected(anna, charger), await connected(anna, charger)
    report = StatusReport(evse_id=1, connector_id=1, state=ConnectorState.FAULTED, at=NOW)
    with pytest.raises(StaleConnection):
        await record_status(old, report, NOW)
    assert anna.connectors(charger.identity) == []
    await record_status(new, report, NOW)
    assert anna.connectors(charger.identity)[0]["status"] == "faulted"


async def test_sequences_rise_over_connections(anna: Operator, charger: Installed) -> None:
    sequences = []
    for _ in range(3):
        station = await connected(anna, charger)
        sequences += [station.next_sequence() for _ in range(5)]
    assert sequences == sorted(set(sequences))
    assert sequences[-1] < 2**53


def test_a_station_created_again_begins_above_its_old_epoch(anna: Operator) -> None:
    charger = anna.installs()
    first = anna.charge_point(charger.identity)["epoch"]
    in_tenant(anna, lambda: delete_charge_point(charger.identity))
    anna.installs(charger.identity)
    assert anna.charge_point(charger.identity)["epoch"] >= first > 0


async def test_what_a_killed_predecessor_left_is_told_from_what_is_ours(
    station: Station, boris: Operator, charger: Installed
) -> None:
    """Its stations may come back under the same instance id, so they are put under a name of their own first."""
    other, third = boris.installs(), boris.installs()
    await claim(boris.record(), other.identity, instance="killed", ocpp_version="1.6", now=NOW)
    await claim(boris.record(), third.identity, instance="alive", ocpp_version="1.6", now=NOW)
    assert await disown(boris.record(), "killed", "killed (before)") == 1
    assert boris.charge_point(other.identity)["connected"]["instance"] == "killed (before)"
    assert {"killed (before)", "alive"} <= await holders(boris.record())


def test_a_deletion_and_the_forgetting_of_its_status_are_one(anna: Operator) -> None:
    charger = anna.installs()
    anna.db["outbox"].delete_many({})
    in_tenant(anna, lambda: delete_charge_point(charger.identity))
    in_tenant(anna, lambda: delete_charge_point(charger.identity))  # there is none any more: nothing is announced
    [row] = anna.db["outbox"].find()
    [entry] = row["events"]
    assert entry["topic"] == f"ocpp/status/{anna.slug}/{charger.identity}"
    assert (entry["payload"], entry["retain"]) == (b"", True)

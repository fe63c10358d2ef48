"""A station that comes with less than its profile, or its tenant's, is refused, whatever it knows."""

from __future__ import annotations

import pytest

from chargepoints.credentials import new_key
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.security_profiles.conftest import Cpo
from tests.security_profiles.secure_gateway import Knocker, refusal


async def test_profile_2_needs_tls(knocker: Knocker, petra: Cpo, mqtt: Capture) -> None:
    charger = petra.operator.installs(security_profile=2)
    status, text = await refusal(knocker.plain(charger))
    assert status == 403
    assert "must connect with security profile 2" in text
    event = await mqtt.assert_event(charger.identity, "security.event_reported", type="SecurityProfileTooLow")
    assert "from 127.0.0.1" in event.data["tech_info"]
    assert petra.operator.charge_point(charger.identity)["security_profile"] == 2
    station = await knocker.over_tls(charger, key=charger.key)
    await station.assert_replied("Heartbeat")
    await station.drop()


async def test_a_downgrade_never_touches_the_socket_that_is_open(knocker: Knocker, petra: Cpo) -> None:
    charger = petra.operator.installs(security_profile=2)
    station = await knocker.over_tls(charger, key=charger.key)
    assert (await refusal(knocker.plain(charger)))[0] == 403
    await station.assert_replied("Heartbeat")
    await station.drop()


async def test_who_does_not_know_the_key_learns_nothing_of_the_profile(knocker: Knocker, petra: Cpo) -> None:
    charger = petra.operator.installs(security_profile=2)
    status, text = await refusal(knocker.plain(charger, new_key()))
    assert (status, text) == (401, "wrong user name or key")


async def test_profile_1_may_use_tls(knocker: Knocker, petra: Cpo) -> None:
    charger = petra.operator.installs()
    for opening in (knocker.plain(charger), knocker.over_tls(charger, key=charger.key)):
        station = await opening
        await station.drop()
    assert petra.operator.charge_point(charger.identity)["security_profile"] == 1


@pytest.fixture(scope="module")
def rosa(global_database: None) -> Operator:
    """An operator who wants TLS from everybody, and takes in strangers."""
    return Operator.founding("rosa", min_security_profile=2, auto_register=True)


async def test_the_least_profile_of_the_tenant_counts_for_every_station(knocker: Knocker, rosa: Operator) -> None:
    charger = rosa.installs()
    assert (await refusal(knocker.plain(charger)))[0] == 403
    station = await knocker.over_tls(charger, key=charger.key)
    await station.drop()


async def test_a_stranger_below_it_is_not_taken_in(knocker: Knocker, rosa: Operator) -> None:
    stranger = Installed(f"stranger-{new_key()[:8]}", new_key(), rosa.slug)
    assert (await refusal(knocker.plain(stranger)))[0] == 403
    assert rosa.db["charge_points"].count_documents({"_id": stranger.identity}) == 0
    station = await knocker.over_tls(stranger, key=stranger.key)
    await station.drop()
    assert rosa.db["charge_points"].count_documents({"_id": stranger.identity}) == 1

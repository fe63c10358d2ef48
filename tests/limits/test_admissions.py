"""The places for handshakes."""

from __future__ import annotations

from contextlib import ExitStack
from random import Random
from typing import Any

import pytest

from ocpp_gateway.handshake import Refusal
from ocpp_gateway.limits.admissions import Admissions


@pytest.fixture
def door(settings: Any) -> Admissions:
    """A door for ten at once and two per second."""
    settings.OCPP_HANDSHAKES_AT_ONCE = 10
    settings.OCPP_CONNECTS_PER_SECOND = 2
    return Admissions(clock=lambda: 0.0, dice=Random(1))


def test_one_address_cannot_take_all_places(door: Admissions) -> None:
    with ExitStack() as places:
        for _ in range(5):
            places.enter_context(door.handshake("attacker"))
        with pytest.raises(Refusal) as refused, door.handshake("attacker"):
            pass
        assert refused.value.status == 503
        for number in range(5):
            places.enter_context(door.handshake(f"{number}"))
        with pytest.raises(Refusal), door.handshake("the eleventh"):
            pass
    with door.handshake("attacker"):
        assert list(door._knocking) == ["attacker"], "places are given back"


def test_so_many_per_second(door: Admissions) -> None:
    for _ in range(11):
        door.admit()
    with pytest.raises(Refusal) as refused:
        door.admit()
    assert refused.value.status == 503
    [(name, seconds)] = refused.value.headers
    assert name == b"retry-after"
    assert 5 <= int(seconds) <= 30


def test_no_limit(settings: Any) -> None:
    settings.OCPP_HANDSHAKES_AT_ONCE = settings.OCPP_CONNECTS_PER_SECOND = 0
    door = Admissions()
    with ExitStack() as places:
        for _ in range(5000):
            places.enter_context(door.handshake("one"))
            door.admit()

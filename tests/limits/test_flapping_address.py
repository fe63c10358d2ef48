"""Many stations of one address that connect again and again."""

from __future__ import annotations

from tests.limits.conftest import knock
from tests.people import Operator
from tests.serving import Gateway


async def test_those_that_flap_are_refused_and_those_that_come_once_are_not(
    pair: list[Gateway], anna: Operator, address: str
) -> None:
    chargers = [anna.installs() for _ in range(10)]
    statuses = [(await knock(pair[number % 2], charger, address)).status for number in range(7) for charger in chargers]
    # Ten first connections are free; the fortieth of those that follow begins the block.
    assert statuses == [101] * 49 + [429] * 21
    assert (await knock(pair[0], anna.installs(), address)).status == 101
    assert (await knock(pair[1], chargers[0], "127.0.0.1")).status == 101, "from another address it may come"

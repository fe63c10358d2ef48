"""The bucket of messages."""

from __future__ import annotations

import pytest

from ocpp_gateway.limits.message_rate import BURST_SECONDS, MessageRate


def test_a_burst_is_taken_at_once_and_then_one_after_another() -> None:
    rate, now = MessageRate(10), 1000.0
    burst = int(10 * BURST_SECONDS)
    assert [rate.take(now) for _ in range(burst)] == pytest.approx([0] * burst, abs=1e-6)
    assert rate.take(now) == pytest.approx(0.1)
    assert rate.take(now + 0.1) == pytest.approx(0.1)


def test_it_refills_evenly() -> None:
    rate = MessageRate(10)
    while not rate.take(1000.0):
        pass
    assert sum(rate.take(1002.0) == 0 for _ in range(100)) in (19, 20)


def test_who_waits_as_told_sends_at_the_rate() -> None:
    rate, now = MessageRate(50), 0.0
    for _ in range(1000):
        now += rate.take(now)
    assert now == pytest.approx((1000 - 50 * BURST_SECONDS) / 50, abs=0.1)


def test_what_is_not_there_is_not_taken() -> None:
    rate = MessageRate(10)
    assert sum(rate.try_take(0.0) for _ in range(1000)) == 51
    assert not rate.try_take(0.05)
    assert rate.try_take(0.2), "those that were refused have taken nothing"

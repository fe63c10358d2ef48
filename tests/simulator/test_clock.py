"""A fast clock runs in the past, and never ahead of the present."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ocpp_gateway.simulator.clock import Clock


class RealTime:
    """Real time that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_at_speed_one_the_time_is_ours() -> None:
    assert abs((datetime.now(UTC) - Clock(1).now()).total_seconds()) < 1


def test_a_fast_clock_begins_behind_and_runs_at_its_speed() -> None:
    real = RealTime()
    clock = Clock(60, behind=3600, monotonic=real)
    begin = clock.now()
    assert (datetime.now(UTC) - begin).total_seconds() == pytest.approx(3600, abs=1)
    real.seconds += 10
    assert (clock.now() - begin).total_seconds() == pytest.approx(600)
    assert clock.real(60) == pytest.approx(1)


def test_once_it_has_caught_up_it_runs_as_ours() -> None:
    real = RealTime()
    clock = Clock(61, behind=3600, monotonic=real)
    begin = clock.now()
    real.seconds += 59
    early = clock.caught_up
    # One second is left to the meeting, which is worth 61; the rest passes as it does for us.
    assert clock.real(61 + 30) == pytest.approx(1 + 30)
    real.seconds += 41
    assert (early, clock.caught_up) == (False, True)
    assert (clock.now() - begin).total_seconds() == pytest.approx(3600 + 100)
    assert clock.real(5) == pytest.approx(5)


def test_a_slow_clock_is_refused() -> None:
    with pytest.raises(ValueError, match="below 1"):
        Clock(0.5)

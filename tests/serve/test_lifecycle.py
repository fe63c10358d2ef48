"""The shutdown hooks, without a server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from csms.lifecycle import Lifecycle


async def test_order_and_replacement() -> None:
    life, ran = Lifecycle(), list[str]()

    def hook(name: str) -> Callable[[], Awaitable[None]]:
        async def call() -> None:
            ran.append(name)

        return call

    life.on_shutdown("sockets", 10, hook("old sockets"))
    life.on_shutdown("storage", 30, hook("storage"))
    life.on_shutdown("events", 20, hook("events"))
    life.on_shutdown("sockets", 10, hook("sockets"))
    assert not life.stopping()
    await life.shut_down(5)

    assert ran == ["sockets", "events", "storage"]
    assert life.stopping()


async def test_failures_and_time_outs_are_named_and_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    life, ran = Lifecycle(), list[str]()

    async def fails() -> None:
        raise ValueError("broken")

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()  # not even its cancellation ends it

    async def flushes() -> None:
        ran.append("flushed")

    life.on_shutdown("fails", 1, fails)
    life.on_shutdown("hangs", 2, hangs)
    life.on_shutdown("flushes", 3, flushes)
    await life.shut_down(0.1)

    assert ran == ["flushed"]
    assert "shutdown: fails failed" in caplog.text
    assert "ValueError: broken" in caplog.text
    assert "shutdown: hangs did not finish within" in caplog.text


async def test_a_background_task_tells_of_its_failure(caplog: pytest.LogCaptureFixture) -> None:
    life = Lifecycle()

    async def fails() -> None:
        raise ValueError("broken")

    task = life.background(fails(), "presence lease")
    with pytest.raises(ValueError, match="broken"):
        await task

    assert "background task presence lease failed" in caplog.text


async def test_a_cancelled_background_task_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    life = Lifecycle()
    with caplog.at_level(logging.INFO):
        task = life.background(asyncio.Event().wait(), "waiting")
        task.cancel()
        await asyncio.wait({task})

    assert caplog.text == ""

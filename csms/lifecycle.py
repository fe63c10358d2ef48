"""What this process must finish before it ends, and the tasks it runs beside its requests.

Any part of the product registers here without knowing which server runs it; `csms.serve` calls `shut_down`.
All functions belong to the process's one event loop and are not thread-safe.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

# What each later hook is sure to get, however long the earlier ones take.
RESERVED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Hook:
    """One thing to finish: lower `order` runs first, equal ones as registered."""

    name: str
    order: int
    call: Callable[[], Awaitable[None]]


class Lifecycle:
    """The shutdown hooks and background tasks of one event loop."""

    def __init__(self) -> None:
        self._hooks: dict[str, Hook] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False

    def on_shutdown(self, name: str, order: int, call: Callable[[], Awaitable[None]]) -> None:
        """Have `call` awaited when the process ends; a second registration under `name` replaces the first."""
        self._hooks[name] = Hook(name, order, call)

    def stopping(self) -> bool:
        """Tell whether the process is ending: take on nothing new."""
        return self._stopping

    async def shut_down(self, deadline_seconds: float) -> None:
        """Run the hooks in order within `deadline_seconds` in all; failures and time-outs are logged, never raised."""
        self._stopping = True
        clock = asyncio.get_running_loop().time
        deadline = clock() + deadline_seconds
        hooks = sorted(self._hooks.values(), key=lambda hook: hook.order)
        for position, hook in enumerate(hooks, start=1):
            reserved = RESERVED_SECONDS * (len(hooks) - position)
            await _run(hook, max(deadline - clock() - reserved, RESERVED_SECONDS))

    def background(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `work` as a task that is not lost to the garbage collector; what it raises is logged under `name`.

        It starts with an empty context: a request's tenant or time limit must not live on in what outlives it.
        """
        task = asyncio.get_running_loop().create_task(work, name=name, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("background task %s failed", task.get_name(), exc_info=error)


async def _run(hook: Hook, seconds: float) -> None:
    """Give the hook its time. One that ignores its cancellation is left behind rather than waited for."""
    task = asyncio.ensure_future(hook.call())
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        logger.error("shutdown: %s did not finish within %.1f s", hook.name, seconds)
    elif task.cancelled():
        logger.error("shutdown: %s was cancelled", hook.name)
    elif (error := task.exception()) is not None:
        logger.error("shutdown: %s failed", hook.name, exc_info=error)


_process = Lifecycle()
on_shutdown = _process.on_shutdown
stopping = _process.stopping
shut_down = _process.shut_down
background = _process.background

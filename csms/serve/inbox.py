"""What waits for one application instance."""

from __future__ import annotations

import asyncio
from typing import Any


class Inbox:
    """A queue with one reader, at a quarter of the memory of an `asyncio.Queue`: there is one per socket."""

    __slots__ = ("_limit", "_messages", "_reader")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # A list, because an empty deque takes ten times its memory; it holds a handful of messages at most.
        self._messages: list[dict[str, Any]] = []
        self._reader: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def full(self) -> bool:
        """Tell whether the writer should stop; nothing is refused."""
        return len(self._messages) > self._limit

    def put(self, message: dict[str, Any]) -> None:
        """Append a message and wake the reader."""
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> dict[str, Any]:
        """Return the oldest message, waiting for one; a cancelled `get` loses nothing."""
        while not self._messages:
            if self._reader is not None:
                raise RuntimeError("two tasks receive from one WebSocket")
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._messages.pop(0)

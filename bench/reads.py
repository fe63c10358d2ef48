"""`python -m bench.reads`: what a read by id costs this process, one query each and grouped (docs/adr/0006)."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

from pymongo import AsyncMongoClient

from csms.embedded.mongodb import MongoServer
from csms.embedded.ports import any_free

DOCUMENTS = 1000
READERS = 150
SECONDS = 4.0

Read = Callable[[int], Awaitable[Any]]


async def measure(read: Read) -> tuple[float, float]:
    """Return reads per second of `READERS` readers, and microseconds of this process's time for each."""
    random, count = Random(7), 0
    end = time.monotonic() + SECONDS

    async def reader() -> None:
        nonlocal count
        while time.monotonic() < end:
            wanted = random.randrange(DOCUMENTS)
            document = await read(wanted)
            assert document["_id"] == wanted
            count += 1

    before = time.process_time()
    await asyncio.gather(*(reader() for _ in range(READERS)))
    return count / SECONDS, (time.process_time() - before) * 1e6 / count


async def compare(uri: str) -> None:
    """Print the figures of both ways, in turns."""
    from tenants.grouped_reads import GroupedReads

    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        things = client["bench"]["things"]
        await things.insert_many([{"_id": number, "name": "x" * 40} for number in range(DOCUMENTS)])
        grouped = GroupedReads(things, "_id")
        ways: dict[str, Read] = {"one by one": lambda key: things.find_one({"_id": key}), "grouped": grouped.find_one}
        for _ in range(2):
            for name, read in ways.items():
                rate, cost = await measure(read)
                print(f"{name:<11} {rate:>8,.0f} reads/s {cost:>6.0f} us of this process each", flush=True)


def main() -> None:
    """Start a MongoDB, measure, and stop it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "csms.settings")
    os.environ.setdefault("DEBUG", "true")
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as directory:
        server = MongoServer(Path(directory) / "mongodb", any_free())
        server.start()
        try:
            asyncio.run(compare(server.url))
        finally:
            server.stop()


if __name__ == "__main__":
    main()

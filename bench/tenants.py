"""`python -m bench.tenants`: what an instance reads for housekeeping while nothing happens, with many tenants.

First nobody is connected, then each tenant has a station here. The tenants' databases hold no more than that station.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from bench import machine
from bench.dial import Target, dial
from bench.stack import TENANT, Rig, Subject

SECONDS = 60.0
# The first look around, at every tenant, and what follows a connect are over by then, also on a busy machine.
SETTLE = 90.0
_READS = ("find", "aggregate", "getMore", "distinct")

Client = MongoClient[dict[str, Any]]


def add_tenants(client: Client, count: int, like: Target) -> list[Target]:
    """Copy the test tenant with one station `count` times, and return the stations."""
    tenants = client["ocpp_global"]["tenants"]
    tenant = tenants.find_one({"_id": TENANT})
    station = client[f"ocpp_tenant_{TENANT}"]["charge_points"].find_one({"_id": like.identity})
    assert tenant is not None
    assert station is not None
    slugs = [f"many{number}" for number in range(count)]
    for slug in slugs:
        client[f"ocpp_tenant_{slug}"]["charge_points"].insert_one(station)
    tenants.insert_many([{**tenant, "_id": slug, "name": slug} for slug in slugs])
    return [Target(like.url.replace(f"/{TENANT}/", f"/{slug}/"), like.identity, like.key) for slug in slugs]


def _reads(client: Client) -> int:
    commands = client["admin"].command("serverStatus")["metrics"]["commands"]
    return sum(commands[name]["total"] for name in _READS)


def measure(client: Client, subject: Subject, what: str) -> None:
    """Print reads per second of MongoDB, and how much of its core the instance takes, over `SECONDS`."""
    time.sleep(SETTLE)
    reads, cpu = _reads(client), machine.cpu_seconds(subject.process.pid)
    time.sleep(SECONDS)
    share = (machine.cpu_seconds(subject.process.pid) - cpu) / SECONDS
    print(f"{what:<40} {(_reads(client) - reads) / SECONDS:>7.1f} reads/s {share:>7.1%} of a core", flush=True)


def main() -> None:
    """Measure one instance with as many tenants as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=1000)
    count = parser.parse_args().tenants
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as directory, Rig(Path(directory), stations=1) as rig:
        rig.publisher.stop()  # it looks at every outbox, which is another matter
        stations = add_tenants(rig.client, count, rig.stations[0])
        subject = rig.gateway("uvicorn")
        measure(rig.client, subject, f"{count} tenants, no station")
        sockets = dial(subject.targets(stations))
        measure(rig.client, subject, f"{count} tenants, a station of each here")
        for sock in sockets:
            sock.close()


if __name__ == "__main__":
    main()

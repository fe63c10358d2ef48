"""`max_charge_points` is exact whoever creates at the same moment; over REST: `tests/rest/test_charge_points.py`."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from chargepoints.batch_provisioning import ensure_charge_points
from chargepoints.credentials import new_key
from chargepoints.provisioning import ChargePointLimit, create_charge_point
from tenants.context import tenant_scope
from tests.limits.conftest import knock
from tests.people import Installed, Operator
from tests.serving import Gateway

STRANGERS = 50
LIMIT = 7


def counted(operator: Operator) -> int:
    """Return how many stations there are, which must be what is counted."""
    stations = operator.db["charge_points"].count_documents({})
    [counter] = operator.db["counters"].find({"_id": "charge_points"})
    assert counter["value"] == stations
    return stations


async def test_strangers_that_are_taken_in(pair: list[Gateway]) -> None:
    emil = Operator.founding("emil", auto_register=True, max_charge_points=LIMIT)
    strangers = [Installed(f"{emil.slug}_{secrets.token_hex(4)}", new_key(), emil.slug) for _ in range(STRANGERS)]
    answers = await asyncio.gather(
        *(knock(pair[n % 2], stranger, f"127.0.3.{n + 1}") for n, stranger in enumerate(strangers))
    )
    assert Counter(answer.status for answer in answers) == {101: LIMIT, 403: STRANGERS - LIMIT}
    assert counted(emil) == LIMIT
    refused = next(answer for answer in answers if answer.status == 403)
    assert f"this tenant may have {LIMIT} charge points" in refused.body


async def test_batches_and_single_ones_together(global_database: None) -> None:
    frida = Operator.founding("frida", max_charge_points=35)

    def batch(number: int) -> int:
        with tenant_scope(frida.slug):
            try:
                return ensure_charge_points({f"batch-{number}-{n}": new_key() for n in range(10)})
            except ChargePointLimit:
                return 0

    def single(number: int) -> int:
        with tenant_scope(frida.slug):
            try:
                create_charge_point(f"single-{number}")
            except ChargePointLimit:
                return 0
            return 1

    def all_of_them() -> list[int]:
        with ThreadPoolExecutor(8) as threads:
            work = [threads.submit(batch, n) for n in range(5)] + [threads.submit(single, n) for n in range(40)]
            return [one.result() for one in work]

    created = await asyncio.to_thread(all_of_them)
    assert set(created[:5]) <= {0, 10}, "a batch is stored as a whole or not at all"
    assert counted(frida) == sum(created) == 35

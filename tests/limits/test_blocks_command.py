"""`manage.py blocks`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from chargepoints.credentials import new_key
from csms.embedded.program import ROOT
from tests.limits.conftest import LIMITS, knock
from tests.people import Installed
from tests.serving import Gateway


async def blocks(gateway: Gateway, *arguments: str) -> tuple[int, str]:
    """Run the command beside an instance and return its exit code and what it says."""
    command = [sys.executable, "manage.py", "blocks", *arguments]
    environment = gateway.process.environment
    run = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return run.returncode, run.stdout + run.stderr


async def test_listing_and_lifting(here: Gateway, charger: Installed, address: str) -> None:
    for _ in range(int(LIMITS["OCPP_LOGIN_FAILURES"])):
        await knock(here, charger, address, key=new_key())
    assert (await knock(here, charger, address)).status == 429
    key = f"login:{charger.tenant}/{charger.identity}@{address}"

    code, text = await blocks(here)
    assert code == 0
    [line] = [line for line in text.splitlines() if line.startswith(key)]
    assert 200 < int(line.split()[1]) <= 300
    assert "reports:" not in text

    assert await blocks(here, "--lift", key) == (0, f"lifted {key}\n")
    assert (await knock(here, charger, address)).status == 101


async def test_what_is_not_there(here: Gateway) -> None:
    code, text = await blocks(here, "--lift", "login:a/b@192.0.2.1")
    assert code == 1
    assert "nothing is known of 'login:a/b@192.0.2.1'" in text


async def test_without_redis(here: Gateway) -> None:
    environment = {**os.environ, "REDIS_DISTRIBUTED_STATE": "false"}
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "manage.py", "blocks"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert "start it again" in run.stderr

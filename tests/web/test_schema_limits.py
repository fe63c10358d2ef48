"""Every limit of every parameter of the API, as its OpenAPI document states it: at it, and beyond it.

A file of its own, so that another worker may take it than the random requests of `test_schema_fuzz.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.people import Operator
from tests.rest_client import token_for
from tests.serving import Gateway
from tests.web.schemathesis_run import fuzz

STATIONS, ELSEWHERE = "^/api/v1/chargepoints", "^/api/v1/(auth|tenants)"
# Together all paths but those that are tested with other tokens.
PARTS = {
    "of stations": ("--include-path-regex", STATIONS),
    "of the rest": ("--exclude-path-regex", f"{STATIONS}|{ELSEWHERE}"),
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("part", PARTS)
async def test_every_limit_of_every_parameter(gateway: Gateway, anna: Operator, tmp_path: Path, part: str) -> None:
    await fuzz(gateway, token_for(anna), tmp_path, "--phases", "coverage", *PARTS[part])

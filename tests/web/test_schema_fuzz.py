"""The API against its own OpenAPI document, with each role: Schemathesis makes requests that fit it and that do not.

Nothing may end with a 5xx, and every answer has a status, a media type and a body that the document knows. The seed is
fixed, so that a run can be repeated; FUZZ_EXAMPLES makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from pathlib import Path

import pytest

from tenants.access import access_to
from tenants.models import Role, User
from tenants.tokens import issue_tokens
from tests.people import Installed, Operator, with_orm
from tests.rest_client import token_for
from tests.serving import Gateway
from tests.web.conftest import origin_of

SEED = "20260501"
# Random requests per operation.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "4")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# Nobody answers the commands, so waiting for it would only take time.
NO_WAIT = '[parameters]\n"query.wait" = 0\n'

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


async def fuzz(gateway: Gateway, token: str, directory: Path, *options: str, parameters: str = NO_WAIT) -> None:
    """Run Schemathesis against a gateway; fails with its report when it finds something."""
    (directory / "schemathesis.toml").write_text(parameters)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "schemathesis.cli", "run", f"{origin_of(gateway)}/api/schema"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--seed", SEED, "--max-examples", EXAMPLES, "--checks", ",".join(CHECKS)),
        # One worker: threads make Python 3.11 compile expressions of Hypothesis wrongly.
        *("--no-shrink", "--workers", "1", "--warnings", "off", "--request-timeout", "60"),
        *("--suppress-health-check", "all"),
        *options,
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@pytest.fixture
def unhurried(anna: Operator) -> None:
    """Nobody is told to come back later."""
    anna.configure(api_rate_limit=1_000_000)


async def test_every_limit_of_every_parameter(
    gateway: Gateway, anna: Operator, unhurried: None, tmp_path: Path
) -> None:
    phases = ("--phases", "coverage", "--exclude-path-regex", "^/api/v1/(auth|tenants)")
    await fuzz(gateway, token_for(anna), tmp_path, *phases)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("role", list(Role))
async def test_members(gateway: Gateway, anna: Operator, charger: Installed, tmp_path: Path, role: Role) -> None:
    # A station that is there gets a request past the first look.
    parameters = f'{NO_WAIT}"path.charge_point_id" = "{charger.identity}"\n'
    phases = ("--phases", "fuzzing", "--exclude-path-regex", "^/api/v1/auth/")
    await fuzz(gateway, token_for(anna, role), tmp_path, *phases, parameters=parameters)


async def test_the_superuser(gateway: Gateway, tmp_path: Path) -> None:
    def token() -> str:
        root = User.objects.create_superuser(f"root-{secrets.token_hex(4)}")
        return issue_tokens(access_to(root, None)).access

    # Each tenant that is created is a database of its own: those that exist are enough.
    only = ("--include-path-regex", "^/api/v1/tenants", "--exclude-method", "POST")
    await fuzz(gateway, with_orm(token), tmp_path, "--phases", "coverage,fuzzing", *only)


async def test_whoever_has_no_token(gateway: Gateway, tmp_path: Path) -> None:
    await fuzz(gateway, "none", tmp_path, "--phases", "coverage,fuzzing", "--include-path-regex", "^/api/v1/auth/")

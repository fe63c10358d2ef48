"""Schemathesis against a gateway: requests that fit the API's own document, and requests that do not.

The seed is fixed, so that a run can be repeated; FUZZ_EXAMPLES makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

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

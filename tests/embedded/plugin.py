"""The pytest plugin that starts real servers once per test process, before Django reads its settings.

With `-n` (pytest-xdist) each worker is a process with servers of its own.

Named in `pytest.ini` with `-p`: pytest-django imports the settings before any `conftest.py` is loaded.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from csms.embedded.process import ProcessFailed
from csms.embedded.stack import FOREIGN_SETTINGS, Stack

STACK = pytest.StashKey[Stack]()

# What the tests need whatever the developer's own environment says.
SETTINGS = {
    "DEBUG": "true",
    "SECRET_KEY": "test-secret-key-that-is-long-enough-for-hs256",
    "JWT_SECRET": "test-jwt-secret-that-is-long-enough-for-hs256",
    "LOG_FORMAT": "console",
    "CSMS_INSTANCE_ID": "test",
    "HOUSEKEEPING_INTERVAL": "700ms",
    # Tests fail to log in, reconnect and send as no station does; those of the limits set them themselves.
    "OCPP_LOGIN_FAILURES": "0",
    "OCPP_LOGIN_FAILURES_PER_ADDRESS": "0",
    "OCPP_FLAPPING_CONNECTS": "0",
    "OCPP_STATION_MESSAGE_RATE": "0",
    "OCPP_TENANT_MESSAGE_RATE": "0",
}
# Chosen once, because the workers of a run must agree on the names of the tests.
SEEDS = ("ODD_SEED", "FUZZ_SEED")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Start the servers and point the settings at them; they stop when the run ends, however it ends."""
    for name in FOREIGN_SETTINGS:
        os.environ.pop(name, None)
    os.environ.update(SETTINGS)
    for name in SEEDS:
        os.environ.setdefault(name, str(secrets.randbelow(10**9)))
    options = parser.parse_known_args(args)
    if options.help or options.version or options.collectonly or _only_distributes(options):
        return
    directory = Path(tempfile.mkdtemp(prefix="csms-tests-"))
    early_config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))
    stack = Stack(directory)
    # Clean-ups run in reverse order: stop, then remove the directory.
    early_config.add_cleanup(stack.stop)
    try:
        stack.start()
    except ProcessFailed as error:
        raise pytest.UsageError(str(error)) from None
    os.environ.update(stack.environment())
    early_config.stash[STACK] = stack


def _only_distributes(options: Any) -> bool:
    """Tell whether this process leaves the tests to workers."""
    return bool(getattr(options, "numprocesses", None)) and "PYTEST_XDIST_WORKER" not in os.environ


def pytest_report_header(config: pytest.Config) -> list[str]:
    stack = config.stash.get(STACK, None)
    return [f"{name}: {url}" for name, url in stack.urls().items()] if stack else []

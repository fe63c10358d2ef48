"""Every message of the Core profile has a handler, a row in the registry, a file of its name and tests."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from ocpp_gateway.handlers import v16
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.router import HANDLERS

# OCPP 1.6 §4: the operations initiated by a charge point that belong to the Core profile (§3.2).
CORE = (
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "Heartbeat",
    "MeterValues",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
)
TESTS = Path(__file__).parent / "v16"
# Style, habit 6: valid, invalid, its effect, the same frame twice.
EACH = ("async def test_invalid", "async def test_what_becomes_of_it", "async def test_the_same_frame_twice")


def file_name(action: str) -> str:
    """Return the name of an action as a file has it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()


def test_the_registry_has_every_core_message() -> None:
    assert set(v16.HANDLERS) >= set(CORE)
    assert HANDLERS[OcppVersion.V16] is v16.HANDLERS


@pytest.mark.parametrize("action", sorted({*CORE, *v16.HANDLERS}))
def test_a_message_has_a_file_of_its_name(action: str) -> None:
    module = importlib.import_module(f"ocpp_gateway.handlers.v16.{file_name(action)}")
    assert v16.HANDLERS[action] is module.handle
    assert module.__doc__ is not None
    assert module.__doc__.startswith(f"{action} (OCPP 1.6 "), (
        "the docstring names the message and where it is specified"
    )


@pytest.mark.parametrize("action", sorted({*CORE, *v16.HANDLERS}))
def test_a_message_has_its_four_tests(action: str) -> None:
    tests = (TESTS / f"test_{file_name(action)}.py").read_text(encoding="utf-8")
    assert [name for name in EACH if name not in tests] == []
    assert tests.count("async def test_") > len(EACH), "and one for a valid message"


@pytest.mark.parametrize(
    "name", ["test_valid", "test_invalid", "test_what_becomes_of_it", "test_the_same_answer_twice"]
)
def test_every_command_has_its_four_tests(name: str) -> None:
    """`VERB` there is all of them, which the file itself sees to."""
    tests = (TESTS.parents[1] / "station_control" / "test_every_command.py").read_text(encoding="utf-8")
    assert f"@VERB\nasync def {name}(" in tests

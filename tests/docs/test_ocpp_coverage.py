"""docs/ocpp-1.6.md says what the code does, and every action of the version is covered and tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocpp_gateway.coverage import coverage_page, uncovered
from ocpp_gateway.protocol.schemas import known_actions
from ocpp_gateway.protocol.versions import OcppVersion

ROOT = Path(__file__).resolve().parents[2]
TESTED = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("version", list(OcppVersion))
def test_the_page_is_what_the_code_says(version: OcppVersion) -> None:
    page = ROOT / "docs" / f"ocpp-{version.number}.md"
    assert page.read_text(encoding="utf-8") == coverage_page(version), f"run manage.py ocpp_coverage > {page.name}"


def test_nothing_of_1_6_is_left_out() -> None:
    assert len(known_actions(OcppVersion.V16)) == 39
    assert uncovered(OcppVersion.V16) == frozenset()


@pytest.mark.parametrize("action", sorted(known_actions(OcppVersion.V16)))
def test_every_action_is_in_some_test(action: str) -> None:
    assert f'"{action}"' in TESTED

"""docs/ocpp-1.6.md says what the code does, and every action of the version is covered and tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocpp_gateway.coverage import coverage_page, uncovered
from ocpp_gateway.protocol.schemas import known_actions
from ocpp_gateway.protocol.versions import OcppVersion
from tests.docs.pages import table_rows

ROOT = Path(__file__).resolve().parents[2]
TESTED = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("version", list(OcppVersion))
def test_the_page_is_what_the_code_says(version: OcppVersion) -> None:
    page = ROOT / "docs" / f"ocpp-{version.number}.md"
    assert page.read_text(encoding="utf-8") == coverage_page(version), f"run manage.py ocpp_coverage > {page.name}"


def test_nothing_of_1_6_is_left_out() -> None:
    assert len(known_actions(OcppVersion.V16)) == 39
    assert uncovered(OcppVersion.V16) == frozenset()


def test_every_row_names_its_tests() -> None:
    rows = [row for row in table_rows(coverage_page(OcppVersion.V16)) if len(row) == 5][1:]
    assert len(rows) == 40, "DataTransfer goes both ways"
    for message, direction, _, _, tests in rows:
        named = tests.replace("`", "").split(", ")
        assert all((ROOT / "tests" / one).exists() for one in named), f"{message}: {tests}"
        assert direction != "station to us" or named[0].startswith("gateway/v16/"), message


@pytest.mark.parametrize("action", sorted(known_actions(OcppVersion.V16)))
def test_every_action_is_in_some_test(action: str) -> None:
    assert f'"{action}"' in TESTED

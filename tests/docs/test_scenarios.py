"""docs/scenarios.md names every scenario once, and nothing else."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from csms.embedded.program import ROOT
from tests.docs.pages import read

PAGE = read("docs/scenarios.md")
SCENARIOS = ROOT / "tests" / "scenarios"


def scenarios_in(path: str) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef))
    return {one.name for one in functions if one.name.startswith("test_")}


def sections() -> dict[str, list[str]]:
    """Return the scenarios that the page names, by the file under whose name they stand."""
    parts = re.split(r"^`(tests/scenarios/\w+\.py)`$", PAGE, flags=re.MULTILINE)[1:]
    bodies = (body.split("\n## ")[0] for body in parts[1::2])
    return {path: re.findall(r"`(test_\w+)`", body) for path, body in zip(parts[::2], bodies, strict=True)}


def test_every_file_of_scenarios_has_its_section() -> None:
    files = {str(path.relative_to(ROOT)) for path in SCENARIOS.glob("test_*.py")}
    assert set(sections()) == files


@pytest.mark.parametrize("path", sorted(sections()))
def test_every_scenario_is_named_once(path: str) -> None:
    named = Counter(sections()[path])
    assert named == Counter(scenarios_in(path))


def test_what_is_named_elsewhere_exists() -> None:
    elsewhere = re.findall(r"`(tests/[\w/]+\.py): (test_\w+)`", PAGE)
    assert elsewhere
    missing = [(path, name) for path, name in elsewhere if name not in scenarios_in(path)]
    assert not missing

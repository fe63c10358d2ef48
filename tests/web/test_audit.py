"""The audit of pinned packages: what it makes of the database's answers, and that it never takes silence for a yes."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from tests.serving import ROOT


@pytest.fixture
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "requirements" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


def test_a_known_hole_fails(audit: Any) -> None:
    code, lines = audit.verdict([GOOD, BAD, UNKNOWN], "", required=False)

    assert code == 1
    assert lines[0] == "b 2: PYSEC-1, repaired in 2.1"


def test_all_known_and_good(audit: Any) -> None:
    assert audit.verdict([GOOD], "", required=True) == (0, ["1 packages, no known vulnerability"])


@pytest.mark.parametrize("packages, trouble", [([], "no route"), ([UNKNOWN], ""), ([GOOD, UNKNOWN], "")])
def test_silence_is_no_yes(audit: Any, packages: Any, trouble: str) -> None:
    code, lines = audit.verdict(packages, trouble, required=False)
    assert code == 0
    assert lines[0].startswith("NOT AUDITED")

    assert audit.verdict(packages, trouble, required=True)[0] == 1

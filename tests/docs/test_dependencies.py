"""`docs/dependencies.md` has a line for every direct dependency, and no line too many."""

from __future__ import annotations

import re

import pytest

from csms.embedded.program import ROOT
from tests.docs.pages import read, table_rows

FILES = ("base.txt", "embedded.txt", "test.txt", "dev.txt")
PAGE = read("docs/dependencies.md")


def pinned(name: str) -> set[str]:
    """Return the packages that a requirements file names itself."""
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return {match[1] for line in lines if (match := re.match(r"([A-Za-z0-9._-]+)==", line))}


def described(name: str) -> set[str]:
    """Return the packages in the section of a requirements file."""
    section = PAGE.split(f"(`requirements/{name}`)")[1].split("\n## ")[0]
    return {row[0] for row in table_rows(section)} - {"package"}


@pytest.mark.parametrize("name", FILES)
def test_each_direct_dependency_has_its_line(name: str) -> None:
    assert described(name) == pinned(name)


def test_each_line_says_what_the_package_is_for() -> None:
    assert [row[0] for row in table_rows(PAGE) if row[1] != "for" and len(row[1]) < 5] == []

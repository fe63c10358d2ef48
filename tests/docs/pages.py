"""The pages of the documentation, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from csms.embedded.program import ROOT

DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the words after it, its text, and the heading it stands under."""

    language: str
    label: str
    text: str
    heading: str


def pages() -> list[Path]:
    """Return every page of documentation in the repository."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def read(name: str) -> str:
    """Return a page's text, by its path from the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", text)


def headings(text: str) -> list[str]:
    """Return the headings of a page."""
    return _HEADING.findall(prose(text))


def blocks(text: str, language: str) -> list[Block]:
    """Return the fenced blocks of one language."""
    return [
        Block(found[1], found[2], found[3], _heading_before(text, found.start()))
        for found in _FENCE.finditer(text)
        if found[1] == language
    ]


def _heading_before(text: str, position: int) -> str:
    above = headings(text[:position])
    return above[-1].strip("`") if above else ""


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of all table rows of a page, without the lines that rule a table."""
    rows = [line.strip()[1:-1].split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set("".join(row)) <= set("|-: ")]

"""What the documentation points at is there: pages, headings, pictures, files, make targets, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from csms.embedded.program import ROOT
from tests.docs.pages import headings, pages, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")
SOURCE = re.compile(r"`([\w./-]+/[\w./-]*)(?:: \w+)?`")
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
TARGET = re.compile(r"\bmake ([a-z-]+)`")

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


def anchor(heading: str) -> str:
    """Return the anchor GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken(page: Path, link: str) -> bool:
    """Tell whether a link to a page of the repository leads nowhere."""
    name, _, fragment = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return True
    return bool(fragment) and fragment not in map(anchor, headings(target.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(prose(page.read_text(encoding="utf-8"))) if "://" not in link]
    assert [link for link in links if broken(page, link)] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_source_are_there(page: Path) -> None:
    top = {path.name for path in ROOT.iterdir()} - {".venv", ".csms"}
    named = SOURCE.findall(prose(page.read_text(encoding="utf-8")))
    files = [name for name in named if name.split("/")[0] in top]
    assert [name for name in files if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(COMMAND.findall(text)) - set(get_commands()) == set()


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(TARGET.findall(page.read_text(encoding="utf-8"))) - set(targets) == set()

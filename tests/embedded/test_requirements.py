"""The pinned requirements agree with each other and with what is installed."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

import pytest

from csms.embedded.program import ROOT

REQUIREMENTS = ROOT / "requirements"


def pins(name: str) -> dict[str, str]:
    """Return version by normalised package name; a line that is not a pin fails the test."""
    found = {}
    for line in (REQUIREMENTS / name).read_text().splitlines():
        if not line or line.startswith(("#", "-c ", "-r ")):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)(; .+)?", line)
        assert match, f"{name}: {line!r} is not pinned with =="
        found[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return found


@pytest.mark.parametrize("name", ["base.txt", "embedded.txt", "test.txt", "dev.txt"])
def test_direct_dependencies_are_pinned_as_in_the_constraints(name: str) -> None:
    constraints = pins("constraints.txt")
    assert pins(name) == {package: constraints.get(package) for package in pins(name)}


def test_what_is_installed_is_what_is_pinned() -> None:
    def installed(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None  # of another Python version

    wanted = pins("constraints.txt")
    wanted.pop("setuptools")  # belongs to the venv where Python brings its own
    found = {package: installed(package) for package in wanted}
    assert {package: found[package] or wanted[package] for package in wanted} == wanted

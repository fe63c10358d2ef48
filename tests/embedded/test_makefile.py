"""What the Makefile itself decides: which Python will do, and when packages are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from csms.embedded.program import ROOT

# Stands for the Python of a venv: writes down what it was asked to do.
RECORDER = '#!/bin/sh\necho "$@" >> "$(dirname "$0")/../asked"\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Without the flags of the `make test` that may be running this.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


def asked(clone: Path) -> list[str]:
    """Return what the venv's Python was asked since the last call."""
    record = clone / ".venv" / "asked"
    lines = record.read_text().splitlines() if record.exists() else []
    record.unlink(missing_ok=True)
    return lines


def test_make_alone_lists_the_commands(clone: Path) -> None:
    shown = make(clone).stdout
    assert all(f"make {target} " in shown for target in ("run", "test", "check", "bench", "delete-playground-data"))


def test_an_old_python_is_refused_with_the_way_out(clone: Path) -> None:
    old = program(clone / "python3.10", "#!/bin/sh\nexit 1\n")
    refused = make(clone, "run", f"PYTHON={old}")
    assert refused.returncode == 2
    assert refused.stdout == (
        f"Python 3.11 or newer is needed, and {old} is not: install it, then 'make run PYTHON=python3.11'\n"
    )


def test_a_python_without_venv_names_the_package(clone: Path) -> None:
    bare = program(clone / "bare", '#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\n')
    refused = make(clone, "test", f"PYTHON={bare}")
    assert refused.returncode == 2
    assert "sudo apt-get install python3-venv" in refused.stdout


def test_packages_are_installed_again_only_when_a_requirement_changes(clone: Path) -> None:
    program(clone / ".venv" / "bin" / "pip", RECORDER)
    program(clone / ".venv" / "bin" / "python", RECORDER)
    run = "-m csms.embedded --stop-with-parent"

    make(clone, "run")
    first = asked(clone)
    make(clone, "run")
    second = asked(clone)
    (clone / "requirements" / "base.txt").write_text("Django\n")
    make(clone, "run")
    third = asked(clone)

    assert [len(first), first[-1]] == [2, run]
    assert "install -r requirements/base.txt -r requirements/embedded.txt" in first[0]
    assert second == [run]
    assert third == first

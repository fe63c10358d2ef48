"""One playground per data directory: who holds it, what runs in it, and what a dead one has left behind."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from csms.embedded.machine import Refused

_LEFTOVERS_END_WITHIN = 30.0


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Hold `directory` for this process; Linux gives it back even after a kill -9.

    Raises Refused when a running playground holds it, or servers of a dead one do not end.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(_who_runs(directory, lock.name)) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        _wait_for_leftovers(directory)
        yield


def _who_runs(directory: Path, lock: str) -> str:
    pid = Path(lock).read_text() or "?"
    urls = " ".join(read_run_file(directory).get("http", [])) or "still starting"
    return f"it runs already (pid {pid}): {urls}; stop it with Ctrl-C there, or with: kill {pid}"


def _wait_for_leftovers(directory: Path) -> None:
    """Wait for servers that outlive a killed playground for the seconds in which they write their data."""
    end = time.monotonic() + _LEFTOVERS_END_WITHIN
    while left := _leftovers(directory):
        if time.monotonic() > end:
            names = ", ".join(f"{name} (pid {pid})" for name, pid in left.items())
            raise Refused(f"still running from an earlier start: {names}; stop them, then start again")
        time.sleep(0.05)
    run_file(directory).unlink(missing_ok=True)


def _leftovers(directory: Path) -> dict[str, int]:
    """Return those processes of a stale run.json that still work in this directory."""
    pids: dict[str, int] = read_run_file(directory).get("pids", {})
    return {name: pid for name, pid in pids.items() if _works_in(pid, directory.resolve())}


def _works_in(pid: int, directory: Path) -> bool:
    """Return whether the process is one of our servers and not another one that got the same pid."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True).is_relative_to(directory)
    except OSError:
        return False


def run_file(directory: Path) -> Path:
    """The file that tells tools what runs where."""
    return directory / "run.json"


def read_run_file(directory: Path) -> dict[str, Any]:
    """Return what the file says; empty when there is none."""
    try:
        content = json.loads(run_file(directory).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read; a reader sees the old content or the new, never half of it."""
    draft = path.with_name(path.name + ".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)

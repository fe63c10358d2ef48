"""What was measured on, and who runs on which core."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
STRANGERS = "other programs"
# More than this share of a core for programs of others, and the figures say little.
DISTURBED = 0.1
_LOOK = 1.0
_LIBRARIES = ("Django", "daphne", "uvicorn", "ocpp", "websockets", "pymongo")


@cache
def cores() -> tuple[int, int]:
    """Return the core for the server and the one for everything else; twice the same where there is one.

    Asked for the first time before this process is kept on one of them.
    """
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1 % len(usable)]


def pin(pid: int, core: int) -> None:
    """Keep a process, with all the threads it has by now, on one core; later threads follow by themselves."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _core_seconds() -> float:
    """Return the processor time that our two cores have given to processes, or lost to other guests (steal).

    Interrupts are left out: they are mostly those of the loopback traffic itself.
    """
    names = {f"cpu{core}" for core in cores()}
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    return sum(sum(int(line[column]) for column in (1, 2, 3, 8)) for line in lines if line[0] in names) / _TICKS


def resident_kib(pid: int) -> float:
    """Return the resident memory of a process in KiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1024


class CpuShares:
    """Measures how much of a core each of our processes takes while something runs, and all strangers together."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._begin = self._used()
        self._wall = perf_counter()

    def until_now(self) -> tuple[dict[str, float], float]:
        """Return the shares of one core, and the seconds since the start; `STRANGERS` is all else on the two cores."""
        elapsed = max(perf_counter() - self._wall, 1e-9)
        end = self._used()
        used = {name: max(0.0, end[name] - self._begin[name]) / elapsed for name in end}
        used[STRANGERS] = max(0.0, used[STRANGERS] - sum(used[name] for name in self._pids))
        return {name: round(share, 3) for name, share in used.items()}, elapsed

    def _used(self) -> dict[str, float]:
        return {STRANGERS: _core_seconds()} | {name: cpu_seconds(pid) for name, pid in self._pids.items()}


class Patience:
    """How long a run may wait in all for a machine that nobody else uses."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    @property
    def over(self) -> bool:
        """Tell whether the run goes on whatever else is running."""
        return monotonic() >= self._end

    def wait_for_quiet(self, pids: Mapping[str, int]) -> None:
        """Return after a second in which nothing but `pids` used the two cores, or when the patience is over."""
        while not self.over:
            shares = CpuShares(pids)
            sleep(_LOOK)
            if shares.until_now()[0][STRANGERS] < DISTURBED:
                return


def facts(arguments: Iterable[str]) -> dict[str, Any]:
    """Return what somebody needs to know to compare figures: processor, kernel, versions, commit."""
    server, load = cores()
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "server_core": server,
        "load_core": load,
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "libraries": {name: version(name) for name in _LIBRARIES},
        "commit": _commit(),
        "arguments": list(arguments),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _commit() -> str:
    root = Path(__file__).resolve().parents[1]
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()

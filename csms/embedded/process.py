"""One child process: started, waited for, stopped by its own pid, and never left behind by its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_POLL = 0.02  # seconds between two looks at a starting server
_LOG_LINES = 15
_PR_SET_PDEATHSIG = 1
_EXEC_CHILD = Path(__file__).with_name("exec_child.py")
_libc = ctypes.CDLL(None, use_errno=True)

# Linux sends the death signal when the *thread* that forked ends, so all children are forked by one thread
# that lives as long as this process; `start` may then be called from anywhere, `asyncio.to_thread` included.
_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


class ProcessFailed(Exception):
    """A child did not come up; the text ends with the last lines of its log."""


class Process:
    """A program with a log file. It dies with this process, even when that is killed with -9.

    Args:
        name: what people call it in messages and in `run.json`.
        command: the program and its arguments.
        log: standard output and error are appended here.
        environment: the whole environment of the child; this process's own by default.
        death_signal: what the child gets when this process dies; SIGTERM for a server that tidies up then.
        read_line: turns a line of the log into one for people; None leaves it out.
        waits_for_go: the child reads a line of its standard input, sent by `go`; else it has no input.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
        read_line: Callable[[str], str | None] = lambda line: line,
        waits_for_go: bool = False,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = environment
        self._directory = directory
        self._death_signal = death_signal
        self._read_line = read_line
        self._stdin = subprocess.PIPE if waits_for_go else subprocess.DEVNULL
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The pid of the running child; 0 before the first start."""
        return self._child.pid if self._child else 0

    @property
    def running(self) -> bool:
        """Whether the child was started and has not exited."""
        return self._child is not None and self._child.poll() is None

    @property
    def ending(self) -> str:
        """How it ended, in words: `stopped with exit code 1`, `was ended by signal 9 (Killed)`."""
        code = self._child.poll() if self._child else None
        if code is None:
            return "runs" if self.running else "was not started"
        if code < 0:
            return f"was ended by signal {-code} ({signal.strsignal(-code)})"
        return f"stopped with exit code {code}"

    @property
    def killed(self) -> bool:
        """Whether somebody has ended it with SIGKILL or SIGTERM."""
        return self._child is not None and self._child.poll() in (-signal.SIGKILL, -signal.SIGTERM)

    @property
    def succeeded(self) -> bool:
        """Whether it has ended with exit code 0."""
        return self._child is not None and self._child.poll() == 0

    def start(self) -> None:
        """Start the program and return at once. Raises ProcessFailed when there is no such program."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already, as pid {self.pid}")
        _forker.submit(self._fork).result()

    def go(self) -> None:
        """Send the line a child with `waits_for_go` waits for; one that has died is left to whoever waits for it."""
        assert self._child is not None
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._child.stdin as stdin:
            stdin.write(b"go\n")

    def _fork(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            launch = self._launch()
            try:
                self._child = subprocess.Popen(
                    launch,
                    stdin=self._stdin,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._directory,
                    env=self.environment,
                    # A session of its own: Ctrl-C reaches only the parent, which stops all in order.
                    start_new_session=True,
                )
            except OSError as error:
                raise ProcessFailed(f"{self.name} cannot be started: {error}") from None

    def _launch(self) -> list[str]:
        """Return the command behind the program that arranges for its death signal."""
        program = self.command[0]
        if shutil.which(program, path=(self.environment or os.environ).get("PATH")) is None:
            raise ProcessFailed(f"{self.name} cannot be started: there is no program {program}")
        # -I and -S: no site-packages, which takes ten times as long to start.
        launcher = [sys.executable, "-I", "-S", str(_EXEC_CHILD)]
        return [*launcher, str(os.getpid()), str(int(self._death_signal)), *self.command]

    def wait_ready(self, ready: Callable[[], bool], deadline: float) -> None:
        """Return once `ready()` is true; raise ProcessFailed if it exits or takes over `deadline` seconds."""
        end = time.monotonic() + deadline
        while not ready():
            if not self.running:
                raise ProcessFailed(self.with_log(f"{self.name} {self.ending} during its start"))
            if time.monotonic() > end:
                raise ProcessFailed(self.with_log(f"{self.name} was not ready after {deadline:g} s"))
            time.sleep(_POLL)

    def wait_exit(self, deadline: float) -> bool:
        """Return whether the child has exited within `deadline` seconds."""
        if self._child is None:
            return True
        try:
            self._child.wait(deadline)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it still runs."""
        if self.running and self._child:
            self._child.terminate()

    def kill(self) -> None:
        """End it with SIGKILL and return when it is gone."""
        if self.running and self._child:
            self._child.kill()
            self._child.wait()

    def stop(self, deadline: float = 10.0) -> bool:
        """SIGTERM, then SIGKILL after `deadline` seconds. Return whether it ended without SIGKILL."""
        self.ask_to_stop()
        if self.wait_exit(deadline):
            return True
        self.kill()
        return False

    def lines(self) -> Iterator[str]:
        """Yield each line of its output as it comes, until the child ends."""
        with self.log.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._log_start)
            rest = ""
            while True:
                ended = not self.running  # looked at first: what it wrote last is then in the file
                *whole, rest = (rest + log.read()).split("\n")
                yield from whole
                if ended:
                    return
                time.sleep(_POLL)

    def log_tail(self, lines: int = _LOG_LINES) -> list[str]:
        """Return the last lines the child has written since its latest start."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - 64 * 1024))
            written = log.read().decode("utf-8", "replace").splitlines()
        read = (self._read_line(line) for line in written)
        return [line for line in read if line is not None][-lines:]

    def with_log(self, what: str) -> str:
        """Return `what`, followed by the end of the log."""
        tail = self.log_tail() or ["(nothing)"]
        return "\n".join([f"{what}; the end of {self.log}:", *(f"    {line[:400]}" for line in tail)])


def die_with_parent(death_signal: signal.Signals = signal.SIGTERM) -> None:
    """Have this very process get `death_signal` when the process that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)

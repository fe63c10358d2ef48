"""What the embedded servers have in common: a directory, a port, a program, and a way to tell readiness."""

from __future__ import annotations

import os
import shutil
import signal
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path

from csms.embedded.ports import is_free
from csms.embedded.process import Process, ProcessFailed

# Debian keeps daemons in directories that are not on the PATH of ordinary users.
_DAEMON_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_START_DEADLINE = 60.0
_STOP_DEADLINE = 20.0


class Server(ABC):
    """One server on 127.0.0.1 with its data in `directory`; a restart keeps port and data."""

    name: str

    def __init__(self, directory: Path, port: int, log: Path | None = None) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.process = Process(
            self.name,
            [],
            (log or self.directory / "server.log").resolve(),
            directory=self.directory,
            death_signal=signal.SIGTERM,
            read_line=self.read_log_line,
        )

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return program and arguments; called before every start, with `directory` in place."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether clients can use the server; errors of a server still starting are "no"."""

    def read_log_line(self, line: str) -> str | None:
        """Return what to show of a line of the log when the start fails; None for what explains nothing."""
        return line

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.running

    def launch(self) -> None:
        """Start the program and return at once; `wait_ready` is to follow."""
        if not self.running and not is_free(self.port):
            raise ProcessFailed(f"port {self.port} for {self.name} is taken by another program")
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process.command = self.command()
        self.process.start()

    def wait_ready(self, deadline: float = _START_DEADLINE) -> None:
        """Return when clients can use the server; raise ProcessFailed, with the log's end, when it fails."""
        self.process.wait_ready(self.is_ready, deadline)

    def start(self) -> None:
        """Start and return when clients can use the server."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stop cleanly (SIGKILL after 20 s) and return when the process is gone; the data stays."""
        self.process.stop(_STOP_DEADLINE)

    def kill(self) -> None:
        """End it as a crash would, with SIGKILL; the data stays."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start again, on the same port and data."""
        self.stop()
        self.start()


def program_on_path(name: str) -> str | None:
    """Return the path of a program, looking where daemons are installed too."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_DAEMON_DIRECTORIES])
    return shutil.which(name, path=path)


def program_in_wheel(package: str, name: str) -> str | None:
    """Return the path of a program inside an installed package, found without importing the package."""
    top, _, rest = package.partition(".")
    spec = find_spec(top)  # only the top: looking up `a.b` would import `a`
    for location in (spec.submodule_search_locations if spec else None) or ():
        program = Path(location, *rest.split("."), "bin", name) if rest else Path(location, "bin", name)
        if program.is_file():
            return str(program)
    return None


def missing(program: str, debian_package: str) -> ProcessFailed:
    """Return the error for a server that is neither on PATH nor installed as a package."""
    return ProcessFailed(
        f"{program} is missing: sudo apt-get install {debian_package}, or use containers: docker compose up"
    )

"""The product's own processes: gateway, publisher and simulator, each a `manage.py` command."""

from __future__ import annotations

import http.client
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from csms.embedded.ports import LOOPBACK
from csms.embedded.process import Process

ROOT = Path(__file__).resolve().parents[2]
# A gateway says goodbye to its stations and finishes their calls, which may take it half a minute.
_STOP_DEADLINE = 35.0
_START_DEADLINE = 60.0


class Program:
    """One long-running `manage.py` command; ready as soon as it runs."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        self.process = Process(name, command, log, environment=environment, directory=ROOT)

    def launch(self) -> None:
        """Start it and return at once."""
        self.process.start()

    def is_ready(self) -> bool:
        return self.process.running

    def wait_ready(self, deadline: float = _START_DEADLINE) -> None:
        """Return when it serves; raise ProcessFailed with the end of its log when it does not come up."""
        self.process.wait_ready(self.is_ready, deadline)

    def stop(self) -> None:
        """Stop it cleanly, with SIGKILL after 35 s."""
        self.process.stop(_STOP_DEADLINE)


class Gateway(Program):
    """One instance of the product; ready when `/healthz` answers 200."""

    def __init__(self, name: str, port: int, environment: Mapping[str, str], log: Path) -> None:
        super().__init__(name, ["serve"], environment, log)
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self._environment = dict(environment)

    def launch(self) -> None:
        # A new id for each life: what a dead instance held must never look like the living one's.
        instance = f"{self.name}-{secrets.token_hex(2)}"
        self.process.environment = {
            **self._environment,
            "HTTP_PORT": str(self.port),
            "CSMS_INSTANCE_ID": instance,
        }
        super().launch()

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

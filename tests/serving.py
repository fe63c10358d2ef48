"""The product's own processes as a test starts them: a gateway on either server, and the publisher of events."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from csms.embedded.ports import answers, any_free
from csms.embedded.process import Process

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0


class Gateway:
    """`manage.py serve` on a free port. What it logs can be read line by line, as the objects they are."""

    def __init__(self, server: str, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self.server = server
        self.port = any_free()
        self.instance = f"{server}-{secrets.token_hex(4)}"
        self._read = 0
        settings = {
            "CSMS_SERVER": server,
            "CSMS_INSTANCE_ID": self.instance,
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(self.port),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "LOG_FORMAT": "json",
        }
        self.process = Process(
            self.instance,
            [sys.executable, "manage.py", "serve"],
            directory / f"{self.instance}.log",
            environment={**os.environ, **settings, **(environment or {})},
            directory=ROOT,
        )

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when stations can connect."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the process and return at once; `wait_ready` is to follow."""
        self.process.start()

    def wait_ready(self) -> None:
        """Return when the process serves requests."""
        self.process.wait_ready(self._serves, START_SECONDS)

    def _serves(self) -> bool:
        if not answers(self.port):
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """End it with SIGTERM and return when it is gone."""
        self.process.stop(40.0)

    def new_log(self) -> list[dict[str, Any]]:
        """Return what it has logged since the last call; a line that is no JSON comes as `{"event": line}`."""
        return list(self._new_entries())

    def _new_entries(self) -> Iterator[dict[str, Any]]:
        with self.process.log.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._read)
            written = log.read()
        whole = written[: written.rfind("\n") + 1]
        self._read += len(whole.encode("utf-8"))
        for line in whole.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                yield {"event": line}


def publisher(directory: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Return `manage.py publish_events`, to be started."""
    settings = {"CSMS_INSTANCE_ID": f"publisher-{secrets.token_hex(4)}", "LOG_FORMAT": "json"}
    return Process(
        "publisher",
        [sys.executable, "manage.py", "publish_events"],
        directory / "publisher.log",
        environment={**os.environ, **settings, **(environment or {})},
        directory=ROOT,
    )

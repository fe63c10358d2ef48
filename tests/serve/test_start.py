"""`manage.py serve` as a person starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from csms.serve.doors import CannotListen, listen
from csms.serve.start import SERVERS
from tests.serve.served import DEADLINE

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("server", SERVERS)
def test_a_taken_port_is_one_clear_line(server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "serve", "--server", server, "--port", str(port)],
            check=False,
            cwd=ROOT,
            env={**os.environ, "DEBUG": "true"},
            capture_output=True,
            text=True,
            timeout=2 * DEADLINE,
        )

    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        f"port {port} on 127.0.0.1 is taken by another program: stop it, or choose another with HTTP_PORT"
    )
    assert done.stderr.count("\n") == 1


def test_other_reasons_are_named() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on 203\.0\.113\.7 port 80"):
        listen("203.0.113.7", 80)
    with pytest.raises(CannotListen, match="HTTP_HOST"):
        listen("no such host.invalid", 0)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "localhost"])
def test_addresses(host: str) -> None:
    with listen(host, 0) as listener:
        assert listener.getsockname()[1] > 0

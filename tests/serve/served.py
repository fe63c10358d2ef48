"""A server under test, and clients that do what no library would."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

DEADLINE = 15.0  # seconds for anything to happen


class Served:
    """A process that serves `tests.serve.application`."""

    def __init__(self, server: str, **options: Any) -> None:
        self.server = server
        self.log: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.serve.application", server, json.dumps(options)],
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read_log, daemon=True).start()
        self.port = self._port("http") if options.get("tls", {}).get("plain", True) else 0
        self.tls_port = self._port("https") if "tls" in options else 0

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.log.append(line.rstrip())
                self._news.notify_all()

    def logged(self, pattern: str) -> str:
        """Wait for a log line that matches `pattern` and return it."""

        def found() -> str | None:
            return next((line for line in self.log if re.search(pattern, line)), None)

        with self._news:
            line = self._news.wait_for(found, DEADLINE)
        assert line, f"no {pattern!r} in {self.log}"
        return line

    def _port(self, scheme: str) -> int:
        line = self.logged(rf"serving on {scheme}://127\.0\.0\.1:\d+")
        return int(re.findall(r":(\d+) with", line)[0])

    def errors(self) -> list[str]:
        """Return the log lines that would wake an operator, or are no log lines at all."""
        return [line for line in self.log if not line.startswith(("INFO", "WARNING"))]

    def get(self, path: str) -> Any:
        """Return the JSON of an HTTP answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=DEADLINE) as answer:
            return json.load(answer)

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}/{path}"

    def raw(self, path: str | None = None, **headers: str) -> Raw:
        """Return a socket, with `path` one whose handshake is done."""
        raw = Raw(self.port)
        if path is not None:
            raw.send(handshake(path, **headers))
            head = raw.head()
            assert head.startswith("HTTP/1.1 101"), head
        return raw

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for the end."""
        return self.process.wait(DEADLINE)

    def stop(self) -> None:
        """End the process, whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        assert self.process.stderr is not None
        self.process.stderr.close()


Start = Callable[..., Served]  # its arguments are those of Options, limits as a dictionary


class Raw:
    """A TCP connection."""

    def __init__(self, port: int, source: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE, source_address=(source, 0))
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def fill(self, chunk: Callable[[int], bytes], most: int) -> int:
        """Send chunks until the peer takes none for a second, or `most`; return how many it took."""
        self.socket.setblocking(False)
        count, rest = 0, b""
        while count < most:
            rest = rest or chunk(count)
            if not select.select([], [self.socket], [], 1.0)[1]:
                break
            with contextlib.suppress(BlockingIOError):
                rest = rest[self.socket.send(rest) :]
            count += not rest
        self.socket.settimeout(DEADLINE)
        self.unsent = rest
        return count

    def read(self, count: int) -> bytes:
        """Return exactly `count` bytes; raises EOFError."""
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def head(self) -> str:
        """Return the head of an HTTP answer."""
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode("latin-1")

    def rest(self) -> bytes:
        """Return everything until the peer closes; a reset counts as closing."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(65536):
                self.buffer += data
        data, self.buffer = self.buffer, b""
        return data

    def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame."""
        first, length = self.read(2)
        if length == 126:
            length = int.from_bytes(self.read(2), "big")
        elif length == 127:
            length = int.from_bytes(self.read(8), "big")
        return first & 0x0F, self.read(length)

    def close_code(self) -> int:
        """Skip to the close frame and return its code."""
        for opcode, payload in self.frames():
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")
        raise AssertionError("closed without a close frame")

    def frames(self) -> Iterator[tuple[int, bytes]]:
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                yield self.frame()

    def frames_until(self, last: bytes) -> Iterator[tuple[int, bytes]]:
        """Return the frames before the one with that payload."""
        while (frame := self.frame())[1] != last:
            yield frame

    def closed_within(self, seconds: float) -> bool:
        """Tell whether the peer closes in that time, whatever it sends before."""
        end = time.monotonic() + seconds
        with contextlib.suppress(ConnectionResetError):
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                with contextlib.suppress(TimeoutError):
                    if not self.socket.recv(65536):
                        return True
            return False
        return True


def eventually(holds: Callable[[], bool]) -> bool:
    """Ask again until the answer is yes; what is asked should be a question to the server."""
    end = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > end:
            return False
    return True


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """Return a client's frame."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([mask_bit | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([mask_bit | 127]) + len(payload).to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload  # a mask of zeros changes nothing


def handshake(path: str, *drop: str, method: str = "GET", version: str = "HTTP/1.1", **headers: str) -> bytes:
    """Return the request of a handshake, without the headers named in `drop`."""
    fields = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if name not in drop]
    return "\r\n".join([f"{method} /{path} {version}", *lines, "", ""]).encode("latin-1")

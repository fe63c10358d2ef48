"""Requests that do not arrive."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serve.served import Served, Start, handshake


def drip(served: Served, data: bytes, pause: float) -> tuple[float, bytes]:
    """Send one byte per `pause` s until the server closes; return how long it took and what it said."""
    raw = served.raw()
    begin = time.monotonic()
    said = b""
    raw.socket.settimeout(pause)
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for position in range(len(data)):
            raw.send(data[position : position + 1])
            with contextlib.suppress(TimeoutError):
                received = raw.socket.recv(1000)
                said += received
                if not received:
                    break
    return time.monotonic() - begin, said


SLOW = {
    "silence": b"",
    "request": b"GET /state HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1000,
    "handshake": handshake("echo", Cookie="x" * 1000),
    "body": b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000,
}


@pytest.mark.parametrize("kind", SLOW)
def test_a_slow_request_is_ended(start: Start, kind: str) -> None:
    served = start(limits={"request": 1.0})
    if kind == "silence":
        assert served.raw().closed_within(1.5)
    else:
        took, said = drip(served, SLOW[kind], 0.02)
        assert 0.5 < took < 2.5
        assert said.startswith(b"HTTP/1.1 408 ")
    assert served.errors() == []


@pytest.mark.slow
def test_slow_loris_is_gone_in_ten_seconds(start: Start) -> None:
    served = start()
    with ThreadPoolExecutor() as clients:
        dripped = list(clients.map(lambda data: drip(served, data, 0.1), SLOW.values()))

    assert all(9 < took < 12 for took, _ in dripped[1:])


def test_a_second_request_has_its_own_time(start: Start) -> None:
    served = start(limits={"request": 1.0})
    raw = served.raw()
    raw.send(b"GET /state HTTP/1.1\r\nHost: a\r\n\r\n")
    raw.head()
    raw.send(b"GET /sta")

    assert raw.closed_within(2.5)


def test_a_request_that_is_answered_slowly_is_not_ended(start: Start) -> None:
    served = start(limits={"request": 0.3})
    raw = served.raw()
    raw.send(b"GET /wait/go HTTP/1.1\r\nHost: a\r\n\r\n")

    assert not raw.closed_within(1)
    served.get("set/go")
    raw.socket.settimeout(5)
    assert raw.head().startswith("HTTP/1.1 200 ")


def test_a_large_body_at_a_fair_rate_is_taken_and_a_huge_one_is_not(start: Start) -> None:
    served = start(limits={"request_bytes": 1_000_000})
    raw = served.raw()
    raw.send(b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + bytes(900_000))
    assert raw.head().startswith("HTTP/1.1 200 ")

    raw = served.raw()
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        raw.send(b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n" + bytes(9_000_000))
    assert raw.closed_within(5)
    assert served.errors() == []

"""Connections that send no whole request: an address has so many of them, and nobody else notices."""

from __future__ import annotations

import select
import ssl
from pathlib import Path

import pytest

from csms.serve.trusted_proxies import TrustedProxies
from csms.serve.unfinished import Unfinished
from tests.serve.served import DEADLINE, Raw, Served, Start, eventually, frame, handshake
from tests.serve.test_tls import Trust

MOST = 50
LIMITS = {"unfinished_per_address": MOST, "request": 60.0}
REQUEST = b"GET /scope HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
TOO_MANY = f"refused: 127.0.0.1 has {MOST} connections without a request"


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path)


def left(connections: list[Raw]) -> list[Raw]:
    """Return those that the server, which has nothing to say to them, has not closed."""
    sockets = {raw.socket: raw for raw in connections}
    closed = select.select(list(sockets), [], [], 0)[0]
    return [raw for one, raw in sockets.items() if one not in closed]


def flood(port: int, count: int = 300, source: str = "127.0.0.1", text: bytes = b"") -> list[Raw]:
    """Return as many connections, when the server has closed those that are too many."""
    connections = [Raw(port, source) for _ in range(count)]
    for raw in connections if text else ():
        raw.send(text)
    assert eventually(lambda: len(left(connections)) <= MOST)
    return left(connections)


def refused(port: int, source: str = "127.0.0.1") -> bool:
    return Raw(port, source).closed_within(DEADLINE)


def echoes(raw: Raw) -> None:
    raw.send(frame(b"still here"))
    assert raw.frame() == (1, b"still here")


def comes_in(port: int, source: str) -> Raw:
    raw = Raw(port, source)
    raw.send(handshake("echo"))
    assert raw.head().startswith("HTTP/1.1 101")
    return raw


@pytest.mark.parametrize("text", [b"", b"GET /scope HTTP/1.1\r\nHost: ", handshake("echo")[:-2]])
def test_a_flood_from_one_address(start: Start, text: bytes) -> None:
    served = start(limits=LIMITS)
    here, there = comes_in(served.port, "127.0.0.1"), comes_in(served.port, "127.0.0.2")

    flooding = flood(served.port, text=text)

    assert len(flooding) == MOST
    assert refused(served.port)
    for station in (here, there, comes_in(served.port, "127.0.0.2")):
        echoes(station)
    assert len([line for line in served.log if TOO_MANY in line]) == 1
    assert served.errors() == []
    for raw in flooding:
        raw.socket.close()
    assert eventually(lambda: not Raw(served.port).closed_within(0.1))


def secured(served: Served, trust: Trust, source: str) -> ssl.SSLSocket:
    raw = Raw(served.tls_port, source).socket
    return trust.client().wrap_socket(raw, server_hostname="127.0.0.1")


def comes_in_over_tls(served: Served, trust: Trust, source: str) -> ssl.SSLSocket:
    station = secured(served, trust, source)
    station.sendall(handshake("echo"))
    assert station.recv(65536).startswith(b"HTTP/1.1 101")
    return station


def test_a_flood_before_tls(start: Start, trust: Trust) -> None:
    served = start(limits=LIMITS, tls=trust.options)
    here = comes_in_over_tls(served, trust, "127.0.0.1")

    flooding = flood(served.tls_port)

    assert len(flooding) == MOST
    assert refused(served.tls_port)
    assert refused(served.port), "both ports count together"
    for station in (here, comes_in_over_tls(served, trust, "127.0.0.2")):
        station.sendall(frame(b"hello"))
        assert station.recv(65536).endswith(b"hello")
    assert len([line for line in served.log if TOO_MANY in line]) == 1
    for raw in flooding:
        raw.socket.close()
    assert eventually(lambda: not Raw(served.tls_port).closed_within(0.1))


def test_a_flood_after_tls(start: Start, trust: Trust) -> None:
    served = start(limits=LIMITS, tls=trust.options)
    silent = [secured(served, trust, "127.0.0.1") for _ in range(MOST)]

    assert refused(served.tls_port)
    for raw in silent:
        raw.sendall(handshake("echo"))
        assert raw.recv(65536).startswith(b"HTTP/1.1 101")
    for station in [comes_in_over_tls(served, trust, "127.0.0.1") for _ in range(MOST)]:
        station.close()


def test_failed_tls_leaves_its_place(start: Start, trust: Trust) -> None:
    served = start(limits=LIMITS, tls=trust.options)
    for _ in range(2 * MOST):
        raw = Raw(served.tls_port)
        raw.send(b"this is no TLS\r\n\r\n")
        assert raw.closed_within(DEADLINE)
    comes_in_over_tls(served, trust, "127.0.0.1").close()


def test_those_who_have_asked_do_not_count_until_they_wait_again(start: Start) -> None:
    served = start(limits=LIMITS)
    stations = [comes_in(served.port, "127.0.0.1") for _ in range(2 * MOST)]
    asking = [Raw(served.port) for _ in range(MOST)]
    for raw in asking:
        raw.send(b"GET /wait/answers HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert eventually(lambda: not Raw(served.port).closed_within(0.1))

    urge = Raw(served.port, "127.0.0.2")
    urge.send(b"GET /set/answers HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    for raw in (urge, *asking):
        assert raw.head().startswith("HTTP/1.1 200")

    assert eventually(lambda: refused(served.port)), "idle connections count"
    asking[0].head()  # the last of the first answer
    asking[0].send(REQUEST)
    assert asking[0].head().startswith("HTTP/1.1 200"), "who is here may ask again"
    echoes(stations[0])


def test_trusted_proxies_are_not_counted(start: Start) -> None:
    served = start(limits=LIMITS, trusted_proxies=["127.0.0.3"])
    through = [Raw(served.port, "127.0.0.3") for _ in range(3 * MOST)]
    flood(served.port)

    for raw in through:
        raw.send(REQUEST)
        assert raw.head().startswith("HTTP/1.1 200")


def test_no_limit(start: Start) -> None:
    served = start(limits={**LIMITS, "unfinished_per_address": 0})
    waiting = [Raw(served.port) for _ in range(6 * MOST)]
    for raw in waiting:
        raw.send(REQUEST)
        assert raw.head().startswith("HTTP/1.1 200")


def test_it_is_told_of_once_a_minute_for_each_address(caplog: pytest.LogCaptureFixture) -> None:
    times = iter([1000.0, 1059.0, 1059.0, 1060.0])
    unfinished = Unfinished(1, TrustedProxies(()), clock=lambda: next(times))
    for peer in ("2001:db8::1", "192.0.2.1"):
        assert unfinished.place(peer).take()
    for peer in ("2001:db8::2", "2001:db8::3", "192.0.2.1", "2001:db8::4"):
        assert not unfinished.place(peer).take()
    told = [record.getMessage().split()[1] for record in caplog.records]
    assert told == ["2001:db8::/64", "192.0.2.1", "2001:db8::/64"]

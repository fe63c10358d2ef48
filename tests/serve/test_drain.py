"""From SIGTERM to the exit code."""

from __future__ import annotations

import signal
import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import connect

from tests.serve.served import DEADLINE, Raw, Served, Start, eventually, frame, handshake


def refuses(port: int) -> bool:
    """Tell whether nothing listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


def hooks(served: Served) -> list[str]:
    return [line.split("hook: ")[1] for line in served.log if "hook: " in line]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_hooks_run_in_order_before_sockets_are_closed(start: Start, number: signal.Signals) -> None:
    served = start()
    with connect(served.url("echo")) as station:
        served.signal(number)
        with pytest.raises(ConnectionClosed) as closed:
            station.recv(timeout=DEADLINE)
        assert closed.value.rcvd == Close(1012, "drained")

    assert served.exit_code() == 0
    served.logged("stopped")
    assert hooks(served) == ["gateway", "storage"]
    assert any("shutdown: failing failed" in line for line in served.log)
    assert not any("destroyed" in line for line in served.log)


def test_sockets_that_no_hook_closed_get_1012_too(start: Start) -> None:
    served = start(drain=3)
    served.get("set/hang")
    raw = served.raw("echo")
    served.signal()

    assert raw.close_code() == 1012
    served.logged("gateway did not finish within 1.0 s")
    assert hooks(served) == ["gateway", "storage"]
    raw.send(frame((1012).to_bytes(2, "big"), 8))
    assert served.exit_code() == 0


def test_nothing_new_is_accepted_but_requests_in_flight_are_answered(start: Start) -> None:
    served = start()
    served.get("set/hang")
    waiting, idle = Raw(served.port), Raw(served.port)
    waiting.send(b"GET /wait/go HTTP/1.1\r\nHost: a\r\n\r\n")
    assert eventually(lambda: "waiting" in served.get("state"))
    late = Raw(served.port)
    late.send(b"GET /state HTTP/1.1\r\nHost: a\r\n\r\n")
    late.head()
    served.signal()

    assert eventually(lambda: refuses(served.port))
    idle.send(handshake("echo"))
    assert idle.head().startswith("HTTP/1.1 503 ")
    late.send(b"GET /set/go HTTP/1.1\r\nHost: a\r\n\r\n")
    assert waiting.head().startswith("HTTP/1.1 200 ")
    served.signal()
    served.exit_code()


def test_a_second_signal_stops_at_once(start: Start) -> None:
    served = start()
    served.get("set/hang")
    served.signal()
    served.logged("hook: gateway")
    served.signal()

    assert served.exit_code() == 128 + signal.SIGTERM


def test_the_process_ends_even_if_a_hook_blocks_everything(start: Start) -> None:
    served = start(exit=0.5)
    served.get("set/hang")
    raw = served.raw("echo")
    served.signal()

    assert served.exit_code() == 1
    assert raw.closed_within(1)


def test_idle_http_connections_do_not_delay_the_end(start: Start) -> None:
    served = start()
    idle = [Raw(served.port) for _ in range(100)]
    begin = time.monotonic()
    served.signal()

    assert served.exit_code() == 0
    assert time.monotonic() - begin < 3
    assert all(raw.closed_within(1) for raw in idle)

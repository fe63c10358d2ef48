"""What a well-behaved station sees."""

from __future__ import annotations

import json

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.serve.served import Served, Start, frame


def test_text_binary_and_long_messages_come_back(shared: Served) -> None:
    with connect(shared.url("echo"), compression=None) as socket:
        messages: list[str | bytes] = ["", "a", "é€😀" * 50, "x" * 70_000, b"\x00\xff", "y" * 1024 * 1024]
        for message in messages:
            socket.send(message)
            assert socket.recv() == message


def test_many_messages_at_once_come_back_in_order(shared: Served) -> None:
    raw = shared.raw("echo")
    raw.send(b"".join(frame(str(number).encode()) for number in range(2000)))

    assert [int(raw.frame()[1]) for _ in range(2000)] == list(range(2000))


def test_a_message_in_single_bytes_and_fragments_with_a_ping_between(shared: Served) -> None:
    raw = shared.raw("echo")
    sent = frame(b"one ", fin=False) + frame(b"are you there", 9) + frame(b"two", 0) + frame(b"three")
    for position in range(len(sent)):
        raw.send(sent[position : position + 1])

    assert [raw.frame() for _ in range(3)] == [(10, b"are you there"), (1, b"one two"), (1, b"three")]


def test_compressed_messages(shared: Served) -> None:
    with connect(shared.url("echo"), compression="deflate") as socket:
        assert socket.response is not None
        assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
        for message in ["short", "long " * 5000, "short again"]:
            socket.send(message)
            assert socket.recv() == message


def test_the_accepted_subprotocol_is_sent_back(shared: Served) -> None:
    with connect(shared.url("echo"), subprotocols=[Subprotocol("ocpp1.6"), Subprotocol("ocpp2.0.1")]) as socket:
        assert socket.subprotocol == "ocpp1.6"


def test_scope(shared: Served) -> None:
    headers = {"X-Key": "v\xe4lue", "X-Forwarded-For": "6.6.6.6"}
    with connect(shared.url("scope/a%2Fb%20c?x=%41"), additional_headers=headers) as socket:
        scope = json.loads(socket.recv())
        scope_of_the_open_socket = json.loads(socket.recv())
        assert scope["client"] == list(socket.local_address)

    assert scope["path"] == "/scope/a/b c"
    assert scope["raw_path"] == repr(b"/scope/a%2Fb%20c")
    assert scope["query_string"] == repr(b"x=%41")
    assert scope["scheme"] == "ws"
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert [repr(b"x-forwarded-for"), repr(b"6.6.6.6")] in scope["headers"]
    assert scope_of_the_open_socket == {**scope, "headers": []}, "they cost memory, and one holds the station's key"


def test_forwarded_addresses_are_believed_from_a_trusted_proxy(start: Start) -> None:
    served = start(trusted_proxies=["127.0.0.1"])
    headers = {"X-Forwarded-For": "1.1.1.1, 6.6.6.6", "X-Forwarded-Proto": "https"}
    with connect(served.url("scope"), additional_headers=headers) as socket:
        scope = json.loads(socket.recv())

    assert scope["client"] == ["6.6.6.6", 0]
    assert scope["scheme"] == "wss"


def test_http_knows_its_client_and_takes_no_root_path_from_it(shared: Served) -> None:
    raw = shared.raw()
    raw.send(b"GET /scope HTTP/1.1\r\nHost: a\r\nDaphne-Root-Path: /x\r\nConnection: close\r\n\r\n")
    scope = json.loads(raw.rest().split(b"\r\n\r\n")[1].partition(b"\r\n")[2].partition(b"\r\n")[0])

    assert scope["client"] == list(raw.socket.getsockname()) or scope["client"][0] == "127.0.0.1"
    assert scope["root_path"] == ""


@pytest.mark.parametrize("verb, code", [("crash/late", 1011), ("leave/late", 1000)])
def test_the_end_of_the_application_closes_its_socket(start: Start, verb: str, code: int) -> None:
    raw = start().raw(verb)

    assert raw.close_code() == code


def test_the_closing_handshake_of_a_station(start: Start) -> None:
    served = start()
    raw = served.raw("echo")
    raw.send(frame((1001).to_bytes(2, "big") + b"reboot", 8))

    assert raw.close_code() == 1001
    assert raw.closed_within(2)
    assert served.get("state")["closed"] == [1001]


def test_a_station_that_drops_is_1006_and_no_error(start: Start) -> None:
    served = start()
    raw = served.raw("linger")
    raw.socket.close()

    assert served.get("wait/lingering")
    assert served.get("state")["closed"] == [1006]
    assert served.errors() == []


def test_the_application_may_finish_after_its_socket_is_gone(start: Start) -> None:
    served = start()
    served.raw("linger").socket.close()
    served.get("wait/lingering")
    served.get("set/release")

    assert served.get("wait/finished")


def test_but_not_for_ever(start: Start) -> None:
    served = start(limits={"orphan": 0.3})
    served.raw("linger").socket.close()

    assert served.get("wait/cancelled")

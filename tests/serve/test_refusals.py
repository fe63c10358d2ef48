"""Handshakes that are refused before the upgrade, by the application or by the server."""

from __future__ import annotations

import pytest

from tests.serve.served import Served, Start, handshake


@pytest.mark.parametrize("status", [400, 401, 404, 503])
def test_status_headers_and_body_are_the_applications(shared: Served, status: int) -> None:
    raw = shared.raw()
    raw.send(handshake(f"refuse/{status}"))

    head = raw.head()

    assert head.startswith(f"HTTP/1.1 {status} ")
    assert 'www-authenticate: basic realm="ocpp"' in head.lower()
    assert "retry-after: 7" in head.lower()
    assert "content-type: application/json" in head.lower()
    assert raw.rest() == b'{"why":"because"}'  # and the connection is closed


def test_the_application_learns_that_a_refused_socket_is_over(start: Start) -> None:
    served = start()
    raw = served.raw()
    raw.send(handshake("refuse/404"))
    raw.rest()

    assert served.get("state")["closed"] == [1006]


def test_close_before_accept_is_403(shared: Served) -> None:
    raw = shared.raw()
    raw.send(handshake("deny"))

    assert raw.head().startswith("HTTP/1.1 403 ")
    assert raw.closed_within(2)


@pytest.mark.parametrize(
    "request_bytes, status",
    [
        (handshake("echo", "Sec-WebSocket-Key"), 400),
        (handshake("echo", Sec_WebSocket_Key="short"), 400),
        (handshake("echo", "Sec-WebSocket-Version"), 400),
        (handshake("echo", Sec_WebSocket_Version="12"), 400),
        (handshake("echo", method="POST"), 400),
        (handshake("echo", Content_Length="0"), 400),
        (handshake("echo", Sec_WebSocket_Protocol=",,@@,"), 400),
        (handshake("echo/\xff\xfe"), 400),
        (handshake("echo", Sec_WebSocket_Key="\xee" * 16), 400),
        (handshake("echo", Connection="Upgrade, \x92"), 400),
        (handshake("echo", Sec_WebSocket_Protocol="\xff"), 400),
        (handshake("echo/" + "a" * 9000), 400),
        (handshake("echo", Cookie="a" * 9000), 400),
        (b"GET /echo HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
def test_bad_handshakes_get_an_answer_and_no_log_of_errors(shared: Served, request_bytes: bytes, status: int) -> None:
    raw = shared.raw()
    raw.send(request_bytes)

    assert raw.head().startswith(f"HTTP/1.1 {status} ")
    assert raw.closed_within(5)
    assert shared.errors() == []


@pytest.mark.parametrize("verb", ["crash", "leave"])
def test_an_application_that_fails_before_the_answer_is_500(start: Start, verb: str) -> None:
    served = start()
    raw = served.raw()
    raw.send(handshake(verb))

    assert raw.head().startswith("HTTP/1.1 500 ")
    assert b"ZeroDivisionError" not in raw.rest()


def test_an_application_that_does_not_answer_is_503(start: Start) -> None:
    served = start(limits={"accept": 0.3})
    raw = served.raw()
    raw.send(handshake("ignore"))

    head = raw.head()
    assert head.startswith("HTTP/1.1 503 ")
    assert "retry-after:" in head.lower()

"""Half-open connections are found by ping; quiet ones that answer stay open for ever."""

from __future__ import annotations

from tests.serve.served import DEADLINE, Start, frame


def test_a_peer_that_never_answers_is_closed(start: Start) -> None:
    served = start(limits={"ping_interval": 0.3})
    raw = served.raw("linger")

    assert raw.frame()[0] == 9
    assert served.get("wait/lingering")  # the application knows at once
    assert raw.closed_within(DEADLINE)
    assert served.get("state")["closed"] == [1006]
    assert served.errors() == []


def test_a_peer_that_answers_stays(start: Start) -> None:
    served = start(limits={"ping_interval": 0.2, "request": 0.5, "accept": 0.5})
    raw = served.raw("echo")
    for _ in range(8):
        opcode, payload = raw.frame()
        assert opcode == 9
        raw.send(frame(payload, 10))
    raw.send(frame(b"still here"))

    assert raw.frame() == (1, b"still here")


def test_any_message_counts_as_a_sign_of_life(start: Start) -> None:
    raw = start(limits={"ping_interval": 0.2}).raw("echo")
    for _ in range(5):
        assert raw.frame()[0] == 9
        raw.send(frame(b"busy"))
        assert raw.frame() == (1, b"busy")


def test_no_pings_with_interval_zero(start: Start) -> None:
    raw = start(limits={"ping_interval": 0, "request": 0.2, "accept": 0.2, "close": 0.2}).raw("echo")

    assert not raw.closed_within(1)
    assert raw.buffer == b""

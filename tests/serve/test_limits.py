"""What a broken or hostile peer gets: the right close code, and no line in the log."""

from __future__ import annotations

import zlib

import pytest

from tests.serve.served import Served, Start, frame

MIB = 1024 * 1024


def deflated(payload: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-15)
    return (encoder.compress(payload) + encoder.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize(
    "sent, code",
    [
        (frame(b"\xff\xfe"), 1007),
        (frame(b"ok \xed\xa0\x80"), 1007),  # half of a surrogate pair
        (frame(b"\xf0\x9f", fin=False) + frame(b"\x98", 0), 1007),
        (frame(b"x" * (MIB + 1)), 1009),
        (frame(b"x" * 600_000, fin=False) + frame(b"x" * 600_000, 0), 1009),
        (b"\x81\xff" + (2**63 - 1).to_bytes(8, "big") + bytes(4), 1009),
        (frame(b"", fin=False) + frame(b"", 0, fin=False) * 2000, 1009),
        (frame(b"hello", masked=False), 1002),
        (frame(b"hello", 3), 1002),
        (frame(b"hello", 11), 1002),
        (frame(b"hello", rsv=1), 1002),
        (frame(b"hello", rsv=4), 1002),  # compressed, though not agreed
        (frame(b"hello", 0), 1002),
        (frame(b"one", fin=False) + frame(b"two"), 1002),
        (frame(b"x" * 126, 9), 1002),
        (frame(b"ping", 9, fin=False), 1002),
        (frame(b"\x03", 8), 1002),
        (frame((1005).to_bytes(2, "big"), 8), 1002),
        (frame((1000).to_bytes(2, "big") + b"\xff", 8), 1007),
    ],
)
def test_close_code(shared: Served, sent: bytes, code: int) -> None:
    raw = shared.raw("echo")
    raw.send(sent)

    assert raw.close_code() == code
    assert raw.closed_within(1)
    assert shared.errors() == []


def test_the_close_frame_arrives_while_the_peer_is_still_sending(shared: Served) -> None:
    raw = shared.raw("echo")
    raw.send(frame(b"x" * (8 * MIB)))

    assert raw.close_code() == 1009


def test_messages_before_the_fault_are_answered(shared: Served) -> None:
    raw = shared.raw("echo")
    raw.send(frame(b"good") + frame(b"\xff"))

    assert [opcode for opcode, _ in raw.frames()] in ([1, 8], [8])


def test_binary_reaches_the_application_which_may_close_with_1003(shared: Served) -> None:
    raw = shared.raw("text_only")
    raw.send(frame(b"\x00\x01", 2))

    assert raw.close_code() == 1003
    raw.send(frame((1003).to_bytes(2, "big"), 8))
    assert raw.closed_within(1)


def test_a_peer_that_does_not_answer_a_close_frame_is_cut_off(start: Start) -> None:
    raw = start(limits={"close": 0.3}).raw("text_only")
    raw.send(frame(b"\x00\x01", 2))

    assert raw.close_code() == 1003
    assert raw.closed_within(2)


def test_a_deflate_bomb(start: Start) -> None:
    served = start()
    before = served.get("state")["resident"]
    bomb = deflated(bytes(200 * MIB))
    for _ in range(5):
        raw = served.raw("echo", Sec_WebSocket_Extensions="permessage-deflate")
        raw.send(frame(bomb, rsv=4))
        assert raw.close_code() == 1009

    assert served.get("state")["resident"] - before < 30 * MIB
    assert served.errors() == []


def test_a_bomb_in_fragments(shared: Served) -> None:
    raw = shared.raw("echo", Sec_WebSocket_Extensions="permessage-deflate")
    whole = deflated(bytes(4 * MIB))
    raw.send(frame(whole[:2000], rsv=4, fin=False) + frame(whole[2000:], 0))

    assert raw.close_code() == 1009


def test_the_configured_limit(start: Start) -> None:
    raw = start(limits={"message_bytes": 2000}).raw("echo")
    raw.send(frame(b"x" * 2000))
    assert len(raw.frame()[1]) == 2000
    raw.send(frame(b"x" * 2001))

    assert raw.close_code() == 1009

"""The shortcut for plain text frames reads exactly what the library reads."""

from __future__ import annotations

import random
from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from csms.serve.frames import FrameReader, Outcome, text_frame
from csms.serve.inbox import Inbox
from csms.serve.options import Limits


def reader(unread: int = 1_000_000) -> tuple[FrameReader, Inbox]:
    limits = Limits(unread_messages=unread)
    inbox = Inbox(unread)
    return FrameReader(ServerProtocol(state=OPEN, max_size=limits.message_bytes), inbox, limits), inbox


async def drained(inbox: Inbox) -> list[Any]:
    messages = [await inbox.get() for _ in range(len(inbox))]
    return [message.get("text", message.get("bytes")) for message in messages]


def client_frame(payload: bytes, opcode: Opcode, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


@pytest.mark.parametrize("seed", range(20))
async def test_any_mix_in_any_pieces(seed: int) -> None:
    dice = random.Random(seed)
    sent: list[str | bytes] = []
    wire = b""
    for _ in range(200):
        text = "äx€😀"[dice.randrange(4)] * dice.choice(
            [0, 1, 30, 125, 126, 127, 5000, 70_000 if dice.random() < 0.02 else 3]
        )
        kind = dice.randrange(4)
        payload = text.encode()
        if kind == 0:
            cut = dice.randrange(len(payload) + 1)
            wire += client_frame(payload[:cut], Opcode.TEXT, False)
            wire += client_frame(b"ping", Opcode.PING)
            wire += client_frame(payload[cut:], Opcode.CONT)
            sent.append(text)
        elif kind == 1:
            wire += client_frame(payload, Opcode.BINARY)
            sent.append(payload)
        else:
            wire += client_frame(payload, Opcode.TEXT)
            sent.append(text)

    frames, inbox = reader()
    position = 0
    while position < len(wire):
        step = dice.choice([1, 2, 7, 100, 4096, 65536])
        frames.feed(wire[position : position + step])
        position += step
        assert frames.read() is Outcome.WAITING

    assert await drained(inbox) == sent


async def test_a_full_inbox_stops_the_reading_until_there_is_room() -> None:
    frames, inbox = reader(unread=4)
    frames.feed(b"".join(client_frame(str(n).encode(), Opcode.TEXT) for n in range(12)))

    received = []
    while frames.read() is Outcome.WAITING and len(inbox):
        assert len(inbox) <= 5
        received += await drained(inbox)

    assert received == [str(n) for n in range(12)]


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_what_we_write_is_what_the_library_writes(length: int) -> None:
    payload = b"x" * length

    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)

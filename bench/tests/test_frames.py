"""Frames as the load generator writes and reads them, checked with the websockets library's own parser."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from bench.frames import CLOSE, TEXT, FrameReader, masked


def parse(data: bytes) -> Frame:
    reader = StreamReader()
    reader.feed_data(data)
    steps = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as end:
        next(steps)
    return end.value.value


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_masked_frame_is_what_was_put_in(size: int) -> None:
    payload = bytes(n % 251 for n in range(size))
    frame = parse(masked(payload))
    assert (frame.opcode, frame.fin, frame.data) == (Opcode.TEXT, True, payload)


@pytest.mark.parametrize("step", [1, 3, 7, 100_000])
def test_frames_are_read_however_they_are_cut(step: int) -> None:
    payloads = [b"", b"[3]", b"x" * 126, b"y" * 70_000, b"\x03\xe8"]
    opcodes = [TEXT, TEXT, TEXT, TEXT, CLOSE]
    stream = b"".join(
        Frame(Opcode(opcode), payload).serialize(mask=False) for opcode, payload in zip(opcodes, payloads, strict=True)
    )
    reader = FrameReader()
    found = [frame for at in range(0, len(stream), step) for frame in reader.feed(stream[at : at + step])]
    assert found == list(zip(opcodes, payloads, strict=True))


def test_a_fragment_is_an_error() -> None:
    with pytest.raises(ValueError, match="fragmented"):
        list(FrameReader().feed(b"\x01\x01a"))

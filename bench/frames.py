"""WebSocket frames for the load generator (RFC 6455 §5), made by hand because microseconds count here."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from websockets.frames import apply_mask  # type: ignore[attr-defined]  # the C version, where there is one

TEXT = 0x1
CLOSE = 0x8
PING = 0x9
PONG = 0xA
_FIN = 0x80
_MASKED = 0x80
# One mask for every frame: the server still has to unmask, and nothing here travels through a proxy.
_MASK = b"\x37\xfa\x21\x3d"


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one final client frame with this payload."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", _FIN | opcode, _MASKED | size)
    elif size < 65536:
        head = struct.pack("!BBH", _FIN | opcode, _MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", _FIN | opcode, _MASKED | 127, size)
    return head + _MASK + apply_mask(payload, _MASK)


class FrameReader:
    """Cuts what a server sends into frames; servers do not mask, and these do not fragment."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (opcode, payload) for every frame that is complete with `data`."""
        data = self._rest + data
        self._rest = b""
        at = 0
        while at < len(data):
            bounds = _payload_bounds(data, at)
            if bounds is None:
                self._rest = data[at:]
                return
            start, end = bounds
            yield _opcode(data[at]), data[start:end]
            at = end


def _opcode(first: int) -> int:
    if not first & _FIN:
        raise ValueError("the server sent a fragmented message, which this load generator does not read")
    return first & 0x0F


def _payload_bounds(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at `at` starts and ends, or None if it is not all there yet."""
    if len(data) < at + 2:
        return None
    size, start = data[at + 1], at + 2
    if size >= 126:
        width = 2 if size == 126 else 8
        start += width
        if len(data) < start:
            return None
        size = int.from_bytes(data[at + 2 : start], "big")
    end = start + size
    return (start, end) if len(data) >= end else None

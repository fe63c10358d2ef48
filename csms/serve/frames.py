"""From received bytes to messages, as many as the application has room for.

Nearly every frame of a charging station is one whole text message, and taking that kind apart here costs a
fraction of the generator machinery of `websockets`. All other frames, and all errors, are the library's.
Frame layout: RFC 6455 §5.2.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol
from websockets.speedups import apply_mask

from csms.serve.inbox import Inbox
from csms.serve.options import Limits

FIN_TEXT = 0x81  # FIN bit, no extension bits, opcode 1
MASKED = 0x80


class Outcome(Enum):
    """How far the reader came."""

    WAITING = "for bytes, or for room in the inbox"
    CLOSED = "by a close frame of the peer"
    FAILED = "the peer broke the protocol or a limit"


class FrameReader:
    """Puts the messages of one connection into its inbox; control frames are answered through `wire`."""

    __slots__ = ("_at", "_closing", "_data", "_fragments", "_inbox", "_limits", "_text", "_wire")

    def __init__(self, wire: ServerProtocol, inbox: Inbox, limits: Limits) -> None:
        self._wire = wire
        self._inbox = inbox
        self._limits = limits
        self._data = b""
        self._at = 0  # what comes before has been read
        self._fragments: list[Any] | None = None
        self._text = True
        self._closing = False

    def __len__(self) -> int:
        return len(self._data) - self._at

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def clear(self) -> None:
        """Forget what has not been read."""
        self._data = b""
        self._at = 0
        self._fragments = None

    def look_for_close(self) -> None:
        """Drop messages from now on: we sent a close frame and only the peer's matters."""
        self._closing = True
        self._fragments = None

    def read(self) -> Outcome:
        """Read whole frames while the inbox has room."""
        if self._closing:
            data, self._at = self._data[self._at :], len(self._data)
            return self._read_with_library(data)
        data, inbox, limit = self._data, self._inbox, self._limits.message_bytes
        outcome = Outcome.WAITING
        while outcome is Outcome.WAITING and not inbox.full:
            at = self._at
            bounds = frame_at(data, at, limit)
            if bounds is None or bounds[1] > len(data):
                break
            start, self._at = bounds
            if data[at] == FIN_TEXT and start > at and self._fragments is None:
                outcome = self._deliver(apply_mask(data[start : self._at], data[start - 4 : start]), True)
            else:
                outcome = self._read_with_library(data[at : self._at])
        return outcome

    def _read_with_library(self, data: bytes) -> Outcome:
        self._wire.receive_data(data)
        outcome = Outcome.WAITING
        for frame in self._wire.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode is Opcode.CLOSE:
                outcome = Outcome.CLOSED
            elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT) and not self._closing:
                outcome = self._assemble(frame)
        return outcome if self._wire.parser_exc is None else Outcome.FAILED

    def _assemble(self, frame: Frame) -> Outcome:
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
            self._fragments = []
        assert self._fragments is not None
        self._fragments.append(frame.data)
        if frame.fin:
            payload = b"".join(self._fragments)
            self._fragments = None
            return self._deliver(payload, self._text)
        if len(self._fragments) > self._limits.fragments:  # empty ones escape the limit in bytes
            return self._fail(1009, "too many fragments")
        return Outcome.WAITING

    def _deliver(self, payload: bytes, text: bool) -> Outcome:
        if not text:
            self._inbox.put({"type": "websocket.receive", "bytes": payload})
            return Outcome.WAITING
        try:
            self._inbox.put({"type": "websocket.receive", "text": payload.decode()})
        except UnicodeDecodeError:
            return self._fail(1007, "invalid UTF-8")
        return Outcome.WAITING

    def _fail(self, code: int, reason: str) -> Outcome:
        self._wire.fail(code, reason)
        return Outcome.FAILED


def frame_at(data: bytes, at: int, limit: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at `at` begins and ends, or None while its header is incomplete.

    A frame the library will refuse (not masked, longer than `limit`) is given as its header alone, without
    a payload: it begins at `at`.
    """
    available = len(data) - at
    if available < 2:
        return None
    second = data[at + 1]
    if second < MASKED:
        return at, at + 2
    length, start = second & 0x7F, at + 6
    if length == 126:
        start += 2
        length = int.from_bytes(data[at + 2 : at + 4], "big")
    elif length == 127:
        start += 8
        length = int.from_bytes(data[at + 2 : at + 10], "big")
    if len(data) < start:
        return None
    if length > limit:
        return at, start
    return start, start + length


def text_frame(payload: bytes) -> bytes:
    """Return the frame that carries `payload` (UTF-8) to a client: whole, not masked, not compressed."""
    length = len(payload)
    if length < 126:
        return bytes((FIN_TEXT, length)) + payload
    if length < 65536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload

"""A thousand damaged connections leave nothing behind: no error in the log, no socket, no task."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

from tests.serve.served import Raw, Served, Start, eventually, frame, handshake

PATHS = ["echo", "refuse/404", "flood/3", "scope/%ff%00?%zz", "unknown"]


def damaged(dice: random.Random, data: bytes) -> bytes:
    """Change, drop and insert a few bytes."""
    result = bytearray(data)
    for _ in range(dice.randrange(6)):
        at = dice.randrange(len(result))
        result[at : at + dice.choice([0, 1, 1, 8])] = dice.randbytes(dice.choice([0, 1, 1, 8]))
    return bytes(result)


def frames(dice: random.Random) -> bytes:
    """Return some frames, good and bad."""
    kinds = [
        frame(b"hi"),
        frame(dice.randbytes(20)),
        dice.randbytes(dice.randrange(60)),
        frame(b"x" * 200, dice.randrange(16), fin=dice.random() < 0.5, rsv=dice.choice([0, 0, 0, 4, 7])),
    ]
    return b"".join(dice.choices(kinds, k=dice.randrange(6)))


def misbehave(served: Served, seed: int) -> None:
    """Be one bad client."""
    dice = random.Random(seed)
    opening = handshake(dice.choice(PATHS))
    raw = Raw(served.port)
    with contextlib.suppress(OSError):
        raw.send(damaged(dice, opening) if dice.random() < 0.6 else opening)
        raw.socket.settimeout(0.2)
        if dice.random() < 0.5:
            raw.socket.recv(1000)
        raw.send(frames(dice))
        if dice.random() < 0.5:
            raw.socket.recv(1000)
    if dice.random() < 0.3:  # reset instead of an orderly end
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.socket.close()


def test_damaged_connections(start: Start) -> None:
    served = start(limits={"request": 2.0, "close": 0.5})
    files = served.get("state")["files"]

    with ThreadPoolExecutor(16) as clients:
        list(clients.map(lambda seed: misbehave(served, seed), range(1000)))

    assert served.errors() == []
    raw = served.raw("echo")
    raw.send(frame(b"still here"))
    assert raw.frame() == (1, b"still here")
    raw.socket.close()
    assert eventually(lambda: served.get("state")["files"] <= files)

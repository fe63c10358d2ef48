"""Plays many stations from one thread: an epoll loop without asyncio, cheap enough to fill a server's core.

Each station has one outstanding CALL at most, as OCPP-J §4.1.1 asks. What it says comes from its script, a
generator that yields (action, payload) and is sent the answer's frame. Every answer's type and id is checked.
"""

from __future__ import annotations

import select
import socket
from array import array
from collections import Counter, deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from itertools import cycle
from time import perf_counter

from bench.frames import CLOSE, PING, PONG, FrameReader, masked

Script = Generator[tuple[str, bytes], bytes, None]
_KEPT_ERRORS = 10
# After the measured time every station finishes what it began; one that takes longer than this has failed.
FINISH_WITHIN = 20.0


@dataclass(slots=True)
class Stage:
    """What scripts and driver share while one load runs."""

    over: bool = False  # set by the driver: begin nothing new
    units: float = 0  # counted by the scripts: calls or transactions
    acknowledged: Counter[str] = field(default_factory=Counter)  # answered CALLs by action
    errors: Counter[str] = field(default_factory=Counter)

    def fail(self, text: str) -> None:
        """Count an error; only the first few different texts are kept."""
        self.errors[text if text in self.errors or len(self.errors) < _KEPT_ERRORS else "other errors"] += 1


@dataclass(slots=True)
class Measured:
    """The outcome of one measured stretch: `units` in `seconds`, and each CALL's latency in seconds."""

    units: float
    seconds: float
    latencies: array[float]


class Player:
    """One station of the load: its socket, its script, and the CALL it waits for."""

    __slots__ = ("asked_at", "expected", "frames", "ids", "number", "owed", "request", "script", "sock")

    def __init__(self, sock: socket.socket, ids: bytes) -> None:
        self.sock = sock
        # The first part of every message id; ids are unique over all connections of a station.
        self.ids = ids
        self.number = 0
        self.frames = FrameReader()
        self.script: Script | None = None
        self.request: tuple[str, bytes] | None = None
        self.expected = b""
        self.asked_at = 0.0
        self.owed: deque[float] = deque()

    def call(self, asked_at: float) -> None:
        """Send the request that the script has ready, as asked for at `asked_at`."""
        assert self.request is not None
        action, payload = self.request
        self.number += 1
        identity = b"%s%08d" % (self.ids, self.number)
        self.expected = b'[3,"%s"' % identity
        self.asked_at = asked_at
        self.sock.send(masked(b'[2,"%s","%s",%s]' % (identity, action.encode(), payload)))


class Driver:
    """Runs scripts on open sockets; `ids` is a prefix that no other run against these stations has used."""

    def __init__(self, sockets: Iterable[socket.socket], ids: str) -> None:
        self.players = [Player(sock, f"{ids}.{place}.".encode()) for place, sock in enumerate(sockets)]
        self._by_descriptor = {player.sock.fileno(): player for player in self.players}
        self._poll = select.epoll()
        for descriptor in self._by_descriptor:
            self._poll.register(descriptor, select.EPOLLIN)
        self._stage = Stage()
        self._busy = 0
        self._paced = False
        self._latencies: array[float] | None = None

    def close(self) -> None:
        """Close every socket with a proper Close frame."""
        for player in self.players:
            try:
                player.sock.send(masked(b"\x03\xe8", CLOSE))
            except OSError:
                self._stage.fail("socket was closed by the server")
            player.sock.close()
        self._poll.close()

    def perform(self, scripts: Iterable[Script], stage: Stage) -> None:
        """Run every player's script to its end, as fast as the server answers."""
        self._begin(scripts, stage, paced=False)
        self._finish()

    def attend(self, seconds: float) -> None:
        """Stay connected and answer what the server asks, as stations do, for this long."""
        end = perf_counter() + seconds
        while (now := perf_counter()) < end:
            self._turn(end - now)

    def saturate(self, scripts: Iterable[Script], stage: Stage, warm: float, seconds: float) -> Measured:
        """Keep one CALL outstanding on every socket, and measure for `seconds` after `warm` seconds."""
        self._begin(scripts, stage, paced=False)
        return self._measure(warm, seconds, rate=None)

    def pace(self, scripts: Iterable[Script], stage: Stage, warm: float, seconds: float, *, rate: float) -> Measured:
        """Send `rate` CALLs per second, evenly over the stations; latency counts from when each was due."""
        self._begin(scripts, stage, paced=True)
        return self._measure(warm, seconds, rate)

    def _begin(self, scripts: Iterable[Script], stage: Stage, *, paced: bool) -> None:
        self._stage, self._paced, self._latencies = stage, paced, None
        self._busy = len(self.players)
        now = perf_counter()
        for player, script in zip(self.players, scripts, strict=True):
            player.script = script
            player.owed.clear()
            if self._next(player, None) and not paced:
                player.call(now)

    def _measure(self, warm: float, seconds: float, rate: float | None) -> Measured:
        begin = perf_counter()
        schedule = None if rate is None else _Schedule(self.players, begin, rate)
        self._run_until(begin + warm, schedule)
        self._latencies = latencies = array("d")
        started, units = perf_counter(), self._stage.units
        self._run_until(begin + warm + seconds, schedule)
        elapsed, units = perf_counter() - started, self._stage.units - units
        self._latencies = None
        self._stage.over = True
        self._finish()
        return Measured(units, elapsed, latencies)

    def _run_until(self, end: float, schedule: _Schedule | None) -> None:
        while self._busy and (now := perf_counter()) < end:
            wait = end - now if schedule is None else min(end, schedule.send_due(now)) - perf_counter()
            self._turn(max(wait, 0.0))

    def _finish(self) -> None:
        """Let the scripts come to their end; what is still owed or held back goes out at once."""
        self._paced = False
        for player in self.players:
            if player.request is not None and not player.expected:
                player.call(perf_counter())
        deadline = perf_counter() + FINISH_WITHIN
        while self._busy:
            left = deadline - perf_counter()
            if left < 0:
                self._stage.fail(f"{self._busy} stations had no answer after {FINISH_WITHIN:.0f} s")
                return
            self._turn(left)

    def _turn(self, wait: float) -> None:
        # An epoll object waits in whole milliseconds; select() on its descriptor waits in microseconds.
        if self._paced and wait < 0.002:
            select.select([self._poll.fileno()], (), (), wait)
            wait = 0.0
        for descriptor, _ in self._poll.poll(wait):
            player = self._by_descriptor[descriptor]
            try:
                data = player.sock.recv(65536)
            except BlockingIOError:
                continue
            except OSError as error:
                self._lose(player, f"socket failed: {error.strerror}")
                continue
            if not data:
                self._lose(player, "the server closed a socket")
                continue
            for opcode, payload in player.frames.feed(data):
                self._receive(player, opcode, payload)

    def _receive(self, player: Player, opcode: int, payload: bytes) -> None:
        if player.expected and payload.startswith(player.expected):
            self._answered(player, payload)
        elif opcode == PING:
            player.sock.send(masked(payload, PONG))
        elif opcode == CLOSE:
            self._lose(player, "the server closed a socket: " + payload[2:].decode(errors="replace"))
        elif payload.startswith(b"[2,"):
            player.sock.send(masked(_refusal(payload)))
        else:
            self._stage.fail("unexpected frame: " + payload[:120].decode(errors="replace"))
            if payload.startswith(b"[4,"):
                self._lose(player, "a CALL was answered with a CALLERROR")

    def _answered(self, player: Player, payload: bytes) -> None:
        now = perf_counter()
        if self._latencies is not None:
            self._latencies.append(now - player.asked_at)
        assert player.request is not None
        self._stage.acknowledged[player.request[0]] += 1
        player.expected = b""
        if not self._next(player, payload):
            return
        if not self._paced:
            player.call(now)
        elif player.owed:
            player.call(player.owed.popleft())

    def _next(self, player: Player, answer: bytes | None) -> bool:
        """Take the script's next request; False when the script has ended, which leaves the player idle."""
        assert player.script is not None
        try:
            player.request = next(player.script) if answer is None else player.script.send(answer)
        except StopIteration:
            player.request = None
            self._busy -= 1
            return False
        return True

    def _lose(self, player: Player, reason: str) -> None:
        self._stage.fail(reason)
        self._poll.unregister(player.sock.fileno())
        if player.request is not None:
            player.request, player.expected = None, b""
            self._busy -= 1


class _Schedule:
    """Hands out due times at a fixed rate, to one station after the other."""

    def __init__(self, players: list[Player], begin: float, rate: float) -> None:
        self._players = cycle(players)
        self._begin = begin
        self._rate = rate
        self._slot = 0

    def send_due(self, now: float) -> float:
        """Send what is due by `now`, and return when the next CALL is due."""
        due = self._begin + self._slot / self._rate
        while due <= now:
            player = next(self._players)
            if player.expected:
                player.owed.append(due)
            elif player.request is not None:
                player.call(due)
            self._slot += 1
            due = self._begin + self._slot / self._rate
        return due


def _refusal(call: bytes) -> bytes:
    identity = call.split(b'"', 2)[1]
    return b'[4,"%s","NotSupported","This station only makes load.",{}]' % identity

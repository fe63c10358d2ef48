"""Keeps processes running: one that dies is started again, after a pause that grows when it keeps dying."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from csms.embedded.process import Process, ProcessFailed

_LOOK_EVERY = 0.1  # seconds
_STABLE_AFTER = 30.0  # a process that has run this long is forgiven its earlier deaths
_LONGEST_PAUSE = 30.0
_EARLY = 5.0
_START_DEADLINE = 60.0


class Service(Protocol):
    """What can be supervised: a server of the stack, or a program of the product."""

    name: str
    process: Process

    def launch(self) -> None: ...
    def is_ready(self) -> bool: ...


@dataclass(slots=True)
class _Watched:
    """One service and where it is: running, due to be started, or starting."""

    service: Service
    since: float = field(default_factory=time.monotonic)  # of its latest start
    deaths: int = 0  # without a stable time between them
    due: float | None = None  # when to start it again
    starting: bool = False

    def note_death(self, now: float) -> float:
        """Return the pause in seconds before the next start: none at first, then 1, 2, 4 ... 30."""
        if now - self.since > _STABLE_AFTER:
            self.deaths = 0
        pause = min(2.0 ** (self.deaths - 1), _LONGEST_PAUSE) if self.deaths else 0.0
        self.deaths += 1
        self.starting = False
        self.due = now + pause
        return pause


class Supervisor:
    """Watches services that run already.

    Args:
        say: gets one line for each thing that happens.
        changed: called after a service was started again, because its pid is a new one.
    """

    def __init__(self, services: Iterable[Service], say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._watched = [_Watched(service) for service in services]
        self._say = say
        self._changed = changed

    def run(self) -> None:
        """Watch until an exception, such as KeyboardInterrupt, ends it."""
        while True:
            self.look()
            time.sleep(_LOOK_EVERY)

    def look(self) -> None:
        """Take every service one step further, without waiting for any."""
        for watched in self._watched:
            now = time.monotonic()
            if watched.due is not None:
                if now >= watched.due:
                    self._start(watched, now)
            elif not watched.service.process.running:
                self._bury(watched, now)
            elif watched.starting:
                self._check_start(watched, now)

    def _bury(self, watched: _Watched, now: float) -> None:
        process = watched.service.process
        # One killed from outside has nothing to say; one that gave up early has.
        early = not process.killed and (watched.starting or now - watched.since < _EARLY)
        pause = watched.note_death(now)
        when = f"in {pause:g} s" if pause else "now"
        what = f"{process.name} (pid {process.pid}) {process.ending}"
        self._say(process.with_log(what) if early else what)
        self._say(f"starting {process.name} again {when}")

    def _start(self, watched: _Watched, now: float) -> None:
        watched.due, watched.since = None, now
        try:
            watched.service.launch()
        except ProcessFailed as error:
            pause = watched.note_death(now)
            self._say(f"{error}; trying again in {pause:g} s")
        else:
            watched.starting = True
            self._changed()

    def _check_start(self, watched: _Watched, now: float) -> None:
        process = watched.service.process
        if watched.service.is_ready():
            watched.starting = False
            self._say(f"{process.name} runs again, as pid {process.pid}")
        elif now - watched.since > _START_DEADLINE:
            self._say(f"{process.name} (pid {process.pid}) is not ready after {_START_DEADLINE:g} s: ending it")
            process.kill()

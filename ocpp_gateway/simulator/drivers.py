"""Who comes to the stations: tags to identify with, and what each driver wants."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random


class Tags:
    """The id tags of a tenant's drivers; while there are enough of them, each is used by one at a time."""

    def __init__(self, tags: Iterable[str]) -> None:
        self._all = deque(tags)
        self._free = deque(self._all)

    def take(self) -> str:
        """Return the tag that has rested longest, or one in use when none is free."""
        if self._free:
            return self._free.popleft()
        self._all.rotate(-1)
        return self._all[0]

    def give_back(self, tag: str) -> None:
        """Let another driver use the tag."""
        if tag in self._all and tag not in self._free:
            self._free.append(tag)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a driver came for: a tag, a charge to a state (%; above 100: until the stay is over), a stay (s)."""

    id_tag: str
    target_soc: float
    stay: float
    authorize: bool = True
    # The reason that StopTransaction gives when the driver ends the charge.
    farewell: str = "Local"


@dataclass(frozen=True, slots=True)
class Habits:
    """How drivers behave: the tags they carry, the longest stay (s), and how often values are sampled (s)."""

    tags: Tags
    longest_stay: float = 2700.0
    sample_interval: int = 60

    def plan(self, random: Random) -> Plan:
        """Return the plan of the next driver; its tag is given back after the visit."""
        stay = self.longest_stay
        return Plan(
            id_tag=self.tags.take(),
            target_soc=random.triangular(60, 110, 85),
            stay=random.triangular(stay * 0.3, stay, stay * 0.7),
            farewell=random.choice(("Local", "EVDisconnected")),
        )

    def remote_plan(self, id_tag: str, *, authorize: bool) -> Plan:
        """Return the plan of a driver for whom the central system starts the charge."""
        return Plan(id_tag, 110.0, self.longest_stay, authorize)

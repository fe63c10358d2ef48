"""What MongoDB holds: every message that was acknowledged must be there, once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database

_DRAIN_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Counts:
    """Documents of one tenant at one moment."""

    meter_values: int
    sessions: int
    completed: int


class Stored:
    """Counts the documents of one tenant's database."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._database = database

    def counts(self) -> Counts:
        """Return how many meter values, sessions and completed sessions there are."""
        return Counts(
            self._database["meter_values"].count_documents({}),
            self._database["sessions"].count_documents({}),
            self._database["sessions"].count_documents({"status": "completed"}),
        )

    def add_id_tags(self, template: str, count: int) -> list[str]:
        """Copy one id tag `count` times, one for each station: a tag is in one session at a time."""
        tokens = self._database["id_tokens"]
        pattern = tokens.find_one({"_id": template.lower()})
        if pattern is None:
            raise LookupError(f"the id tag {template} of create_test_tenants is not in MongoDB")
        tags = [f"BENCH{number:05d}" for number in range(count)]
        tokens.insert_many([pattern | {"_id": tag.lower(), "id_tag": tag} for tag in tags])
        return tags

    def wait_for_events(self, deadline: float) -> float | None:
        """Return the seconds until every event was published, or None when `deadline` passed before."""
        begin = time.monotonic()
        while self._database["outbox"].find_one() is not None:
            if time.monotonic() - begin > deadline:
                return None
            time.sleep(_DRAIN_POLL)
        return time.monotonic() - begin


def differences(before: Counts, after: Counts, acknowledged: Mapping[str, int]) -> list[str]:
    """Return one line for each kind of message that was acknowledged more or less often than it is stored."""
    known = Counter(acknowledged)
    pairs = (
        ("MeterValues", after.meter_values - before.meter_values),
        ("StartTransaction", after.sessions - before.sessions),
        ("StopTransaction", after.completed - before.completed),
    )
    return [
        f"{known[action]} {action} were acknowledged, {stored} are stored"
        for action, stored in pairs
        if known[action] != stored
    ]

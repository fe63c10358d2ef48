"""What a station must be sent so that it holds the tokens it shall hold; pure, without database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sessions_app.authorization import AuthorizationStatus, judge, token_key
from tenants.clients import Document


@dataclass(frozen=True)
class ListEntry:
    """One token of a list, or with no status one that is to be removed from it."""

    id_tag: str
    status: str | None = None
    expires_at: datetime | None = None
    parent_id_tag: str = ""

    @cached_property
    def key(self) -> str:
        """The form under which the tag is compared."""
        return token_key(self.id_tag)

    @cached_property
    def digest(self) -> str:
        """What tells this entry from another one of the same tag. Kept, because thousands of stations ask for it."""
        expiry = "" if self.expires_at is None else self.expires_at.astimezone(UTC).isoformat(timespec="milliseconds")
        facts = "\0".join((self.status or "", expiry, self.parent_id_tag))
        return hashlib.blake2b(facts.encode("utf-8"), digest_size=6).hexdigest()

    @property
    def held(self) -> Document:
        """What is remembered of an entry that a station holds."""
        return {"tag": self.key, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class ListUpdate:
    """An update as a station gets it, and the version its list has then."""

    version: int
    full: bool
    entries: list[ListEntry] = field(default_factory=list)


def wanted_entries(tokens: Iterable[Document], now: datetime, *, tag_length: int) -> list[ListEntry]:
    """Return the entries of a list of these tokens, those that may charge first.

    A tag that is longer than the station's OCPP version allows cannot be presented there, and is left out.
    """
    entries = [_entry(token, now, tag_length) for token in tokens if len(token["id_tag"]) <= tag_length]
    return sorted(entries, key=lambda entry: (entry.status != AuthorizationStatus.ACCEPTED.value, entry.key))


def _entry(token: Document, now: datetime, tag_length: int) -> ListEntry:
    verdict = judge(token, now)
    return ListEntry(token["id_tag"], verdict.status.value, verdict.expires_at, verdict.parent_id_tag[:tag_length])


def next_update(local_list: Mapping[str, Any], wanted: list[ListEntry], portion: int) -> ListUpdate | None:
    """Return the next update, of `portion` entries at most, or None if the station holds what it shall.

    What does not fit follows as differential updates, because the station then holds what it was sent.
    """
    version = max(int(local_list["version"]), 0)
    held = {entry["tag"]: entry["digest"] for entry in local_list["held"]}
    if not (wanted or held or version):
        return None
    if local_list["full"]:
        return ListUpdate(version + 1, full=True, entries=wanted[:portion])
    changes = _changes(held, wanted)
    if len(changes) > portion >= len(wanted):  # one message instead of several
        return ListUpdate(version + 1, full=True, entries=wanted)
    return ListUpdate(version + 1, full=False, entries=changes[:portion]) if changes else None


def _changes(held: Mapping[str, str], wanted: list[ListEntry]) -> list[ListEntry]:
    keys = {entry.key for entry in wanted}
    gone = [ListEntry(tag) for tag in sorted(held) if tag not in keys]
    # Removals first: they make room for the others.
    return gone + [entry for entry in wanted if held.get(entry.key) != entry.digest]

"""The tokens of a list, read once for the many stations that hold the same list."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from pymongo.collation import Collation

from sessions_app.authorization import ID_TOKENS
from sessions_app.local_list_plan import ListEntry, wanted_entries
from sessions_app.local_lists import ALL, COUNTERS, OFF, REVISION
from tenants.clients import Document
from tenants.directory import TenantRecord

# A token that expires is sent as expired; this much later at most.
KEPT = timedelta(minutes=1)
REMEMBERED = 50
_FIELDS = ["id_tag", "status", "expires_at", "parent_id_tag"]
_ANY_CASE = Collation("en", strength=2)

_read: OrderedDict[tuple[Any, ...], tuple[datetime, list[ListEntry]]] = OrderedDict()


async def tokens_of(tenant: TenantRecord, local_list: Document, now: datetime, *, tag_length: int) -> list[ListEntry]:
    """Return the entries that a station's list shall have, in the order of `wanted_entries`.

    Never older than the change of a token that has made the list due: that change has raised the revision first.
    """
    if local_list["mode"] == OFF:
        return []
    group = "" if local_list["mode"] == ALL else local_list["parent_id_tag"]
    counter = await tenant.database[COUNTERS].find_one({"_id": REVISION})
    key = (tenant.database_name, group.lower(), tag_length, counter["value"] if counter else 0)
    known = _read.get(key)
    if known is not None and now - known[0] < KEPT:
        return known[1]
    query = {"parent_id_tag": group} if group else {}
    tokens = await tenant.database[ID_TOKENS].find(query, projection=_FIELDS, collation=_ANY_CASE).to_list()
    entries = wanted_entries(tokens, now, tag_length=tag_length)
    _read[key] = (now, entries)
    if len(_read) > REMEMBERED:
        _read.popitem(last=False)
    return entries

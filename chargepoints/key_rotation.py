"""Giving a station another key over its connection: until it has answered, the old key works and the new one too.

A command that carries a key has it in `secret`, as `{"payload": {...}, "hash": ...}`: what is shown and announced never
has it, and once the command is sent only the hash is left. `ChargePoint.credential_next` holds the hashes of keys that
were sent and may be in force at the station; `credential_next_used` is the one of them it has logged in with meanwhile.
"""

from __future__ import annotations

from chargepoints.connection import CHARGE_POINTS
from chargepoints.credentials import hash_key, key_matches
from chargepoints.models import Command, CommandState
from chargepoints.station import Station
from csms.shown_urls import HIDDEN
from tenants.clients import Document
from tenants.directory import TenantRecord
from tenants.unit_of_work import UnitOfWork

# Ways for a command to end after which nobody knows what the station has done.
_UNKNOWN = frozenset({"ConnectionLost", "NoAnswer", "InvalidAnswer"})


def sealed(payload: Document, field: str) -> tuple[Document, Document]:
    """Return a payload without the key in a field, and the secret that goes with it."""
    key = payload[field]
    return payload | {field: HIDDEN}, {"payload": {field: key}, "hash": hash_key(key)}


def unsealed(command: Document) -> Document:
    """Return the payload to send."""
    payload: Document = command["payload"]
    return payload | (command.get("secret") or {}).get("payload", {})


def error_without_key(command: Document, error: dict[str, str] | None) -> dict[str, str] | None:
    """Return what a station says is wrong, without the key, which it may quote."""
    if error is None:
        return None
    description = error["description"]
    for key in ((command.get("secret") or {}).get("payload") or {}).values():
        description = description.replace(key, HIDDEN)
    return error | {"description": description}


def same_secret(stored: Document | None, new: Document | None) -> bool:
    """Return whether two requests carry the same key, or none."""
    if stored is None or new is None:
        return stored is new
    return all(key_matches(stored["hash"], key.encode("utf-8")) for key in new["payload"].values())


def without_key(secret: Document) -> Document:
    """Return what is kept of a secret once it is sent, or will not be."""
    return {"hash": secret["hash"]}


def expect_key(unit: UnitOfWork, station: Station, command: Document) -> None:
    """Add to a unit of work that a station is being given a key: from now on it may use it."""
    change = {"$push": {"credential_next": command["secret"]["hash"]}, "$set": {"credential_next_used": ""}}
    unit.update(CHARGE_POINTS, {"_id": station.id}, change)


def settle_key(unit: UnitOfWork, station: Station, ended: Document, *, after_boot: bool = False) -> None:
    """Add to a unit of work what a command's end means for the keys of the station.

    `after_boot`: the station has taken the key and uses it after its next boot; until then both work.
    """
    new = ended["secret"]["hash"]
    in_question = {"_id": station.id, "credential_next": new}
    if ended["state"] == CommandState.ACCEPTED.value:
        if not after_boot:
            unit.update(CHARGE_POINTS, in_question, _adopted(new))
    elif ended["state"] == CommandState.TIMED_OUT.value or (ended["error"] or {}).get("code") in _UNKNOWN:
        # It has shown meanwhile that it has the key; otherwise its next log-in tells.
        unit.update(CHARGE_POINTS, in_question | {"credential_next_used": new}, _adopted(new))
    else:
        unit.update(CHARGE_POINTS, in_question, {"$pull": {"credential_next": new}})


async def accepts_next_key(tenant: TenantRecord, identity: str, stored: Document, presented: bytes) -> bool:
    """Return whether a key that is not the station's is one it is being given; then the station has taken it.

    The old key works until the command that brought the new one has ended, and not after that.
    """
    for new in stored.get("credential_next") or ():
        if key_matches(new, presented):
            await _note_used(tenant, identity, new)
            return True
    return False


async def _note_used(tenant: TenantRecord, identity: str, new: str) -> None:
    stations, commands = tenant.database[CHARGE_POINTS], tenant.database[Command._meta.db_table]
    query = {"_id": identity, "credential_next": new}
    await stations.update_one(query, {"$set": {"credential_next_used": new}})
    under_way = {"charge_point_id": identity, "state": CommandState.SENT.value, "secret.hash": new}
    if await commands.find_one(under_way, projection=["_id"]) is None:
        await stations.update_one(query, _adopted(new))


def _adopted(new: str) -> list[Document]:
    """Return the change that makes a key the station's; of those in question, the ones sent after it still are."""
    key, asked = {"$literal": new}, "$credential_next"
    after = {"$add": [{"$indexOfArray": [asked, key]}, 1]}
    used = {"$cond": [{"$eq": ["$credential_next_used", key]}, "", "$credential_next_used"]}
    later = {"$slice": [asked, after, {"$max": [{"$size": asked}, 1]}]}
    return [{"$set": {"credential_hash": key, "credential_next": later, "credential_next_used": used}}]

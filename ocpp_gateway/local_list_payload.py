"""An update of a local list as OCPP 1.6 writes it (§6.41 SendLocalList.req, §7.1 AuthorizationData)."""

from __future__ import annotations

from typing import Any

from ocpp_gateway.protocol.timestamps import format_time, parse_time
from sessions_app.local_list_plan import ListEntry, ListUpdate

_WORDS = {"accepted": "Accepted", "blocked": "Blocked", "expired": "Expired", "invalid": "Invalid"}
_STATUSES = {word: status for status, word in _WORDS.items()} | {"ConcurrentTx": "accepted"}


def encode_update(update: ListUpdate) -> dict[str, Any]:
    """Return the payload of SendLocalList."""
    payload: dict[str, Any] = {
        "listVersion": update.version,
        "updateType": "Full" if update.full else "Differential",
    }
    if update.entries:
        payload["localAuthorizationList"] = [_encode_entry(entry) for entry in update.entries]
    return payload


def _encode_entry(entry: ListEntry) -> dict[str, Any]:
    payload: dict[str, Any] = {"idTag": entry.id_tag}
    if entry.status is not None:
        info: dict[str, Any] = {"status": _WORDS[entry.status]}
        if entry.expires_at is not None:
            info["expiryDate"] = format_time(entry.expires_at)
        if entry.parent_id_tag:
            info["parentIdTag"] = entry.parent_id_tag
        payload["idTagInfo"] = info
    return payload


def decode_update(payload: dict[str, Any]) -> ListUpdate:
    """Return what a SendLocalList says; the reverse of `encode_update`.

    Raises:
        ocpp_gateway.protocol.errors.OcppError: an expiry date cannot be read.
    """
    entries = [_decode_entry(entry) for entry in payload.get("localAuthorizationList", ())]
    return ListUpdate(payload["listVersion"], payload["updateType"] == "Full", entries)


def _decode_entry(payload: dict[str, Any]) -> ListEntry:
    info = payload.get("idTagInfo")
    if info is None:
        return ListEntry(payload["idTag"])
    expiry = info.get("expiryDate")
    expires_at = parse_time(expiry) if expiry is not None else None
    return ListEntry(payload["idTag"], _STATUSES[info["status"]], expires_at, info.get("parentIdTag", ""))

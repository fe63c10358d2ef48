"""The local authorization list of a simulated station (OCPP 1.6 §3.5.2, §5.10, §5.15)."""

from __future__ import annotations

from typing import Any

from ocpp_gateway.simulator.configuration import Configuration
from ocpp_gateway.simulator.wire import Payload, Reply

FULL = "Full"


class LocalList:
    """Tags the station may judge by itself, while it is offline."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._version = 0
        self._entries: dict[str, dict[str, Any]] = {}

    def get_version(self, payload: Payload) -> Reply:
        """Answer GetLocalListVersion: -1 where lists are switched off (§5.10)."""
        return Reply({"listVersion": self._version if self._enabled else -1})

    def send(self, payload: Payload) -> Reply:
        """Answer SendLocalList: take the list, or the changes to it."""
        entries = payload.get("localAuthorizationList") or []
        return Reply({"status": self._take(payload["updateType"], payload["listVersion"], entries)})

    def allows(self, id_tag: str) -> bool | None:
        """Return what the list says of a tag; None where it does not know it."""
        info = self._entries.get(id_tag.lower())
        return None if info is None else bool(info["status"] == "Accepted")

    @property
    def _enabled(self) -> bool:
        return self._configuration.boolean("LocalAuthListEnabled")

    def _take(self, update: str, version: int, entries: list[dict[str, Any]]) -> str:
        if not self._enabled:
            return "NotSupported"
        if len(entries) > self._configuration.fixed("SendLocalListMaxLength"):
            return "Failed"
        if update != FULL and version <= self._version:
            return "VersionMismatch"
        changed = {} if update == FULL else dict(self._entries)
        for entry in entries:
            tag, info = entry["idTag"].lower(), entry.get("idTagInfo")
            if info is None:
                changed.pop(tag, None)  # a differential update removes what it says nothing of
            else:
                changed[tag] = info
        if len(changed) > self._configuration.fixed("LocalAuthListMaxLength"):
            return "Failed"
        self._entries, self._version = changed, version
        return "Accepted"

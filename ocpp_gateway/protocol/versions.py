"""The OCPP versions this gateway speaks."""

from __future__ import annotations

from enum import StrEnum


class OcppVersion(StrEnum):
    """A version, named by its WebSocket subprotocol."""

    V16 = "ocpp1.6"

    @property
    def number(self) -> str:
        """The version as people write it, for example `1.6`."""
        return self.value.removeprefix("ocpp")


def choose_version(offered: list[str]) -> OcppVersion | None:
    """Return the first version a station offers that we speak (OCPP-J 1.6 §3.1.2), or None."""
    known = {version.value: version for version in OcppVersion}
    return next((known[name] for name in offered if name in known), None)


def version_of(number: str) -> OcppVersion:
    """Return the version of a number such as `1.6`; 1.6 for a station that has never connected."""
    return _BY_NUMBER.get(number, OcppVersion.V16)


_BY_NUMBER = {version.number: version for version in OcppVersion}

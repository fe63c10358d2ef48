"""Reads the stations of a tenant, with their keys, from the JSON of `manage.py create_test_tenants`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ocpp_gateway.simulator.uplink import Address


class NoCredentials(Exception):
    """The stations' keys could not be had; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The stations to play and the id tags their drivers carry."""

    tenant: str
    addresses: list[Address]
    id_tags: list[str]


def read(path: Path, tenant: str | None, count: int, server: str | None = None) -> Roster:
    """Return the first `count` stations of a tenant (the first of the file by default).

    `server` (`ws://host:port`) takes the place of the addresses in the file. Raises NoCredentials.
    """
    found = _tenant(_document(path), tenant, path)
    stations = found["stations"]
    if len(stations) < count:
        raise NoCredentials(
            f"{found['slug']} has {len(stations)} stations in {path}, not {count}: {_remedy(path, count)}"
        )
    addresses = [_address(station, server) for station in stations[:count]]
    return Roster(found["slug"], addresses, list(found["id_tags"]))


def _document(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise NoCredentials(f"there are no station keys in {path}: start `make run` once, or {_remedy(path)}") from None
    except (OSError, ValueError) as error:
        raise NoCredentials(f"{path} cannot be read ({error}): {_remedy(path)}") from None


def _tenant(document: dict[str, Any], slug: str | None, path: Path) -> dict[str, Any]:
    tenants = {entry["slug"]: entry for entry in document.get("tenants", [])}
    if not tenants:
        raise NoCredentials(f"{path} names no tenant: {_remedy(path)}")
    if slug is None:
        return dict(next(iter(tenants.values())))
    if slug not in tenants:
        raise NoCredentials(f"{path} has no tenant {slug!r}; it has {', '.join(tenants)}")
    return dict(tenants[slug])


def _address(station: dict[str, str], server: str | None) -> Address:
    url = urlsplit(station["url"])
    if server is not None:
        other = urlsplit(server)
        url = url._replace(scheme=other.scheme.replace("http", "ws"), netloc=other.netloc)
    return Address(urlunsplit(url), station["id"], station["key"])


def _remedy(path: Path, count: int | None = None) -> str:
    stations = f" --stations {count}" if count else ""
    return f"`manage.py create_test_tenants --json{stations} > {path}`"

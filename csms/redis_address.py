"""What `REDIS_ADDR` may look like: one server, a primary that Sentinels watch, or a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from csms.env import SettingError

SENTINEL, CLUSTER = "redis+sentinel://", "redis+cluster://"
_SENTINEL_PORT, _REDIS_PORT = 26379, 6379
_FORMS = (
    "host:port, redis://host:port, rediss://host:port, redis+sentinel://host:26379,host:26379/primary"
    " or redis+cluster://host:port,host:port"
)
Hosts = list[tuple[str, int]]


class RedisAddressError(SettingError):
    """The address cannot be used; the text says why and what would do."""


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """The Sentinels, and the name by which they know the primary."""

    hosts: Hosts
    primary: str


def is_cluster(address: str) -> bool:
    """Return whether the address is that of a cluster."""
    return address.startswith(CLUSTER)


def sentinel_address(address: str) -> SentinelAddress | None:
    """Return the Sentinels of an address; None if it is another kind."""
    if not address.startswith(SENTINEL):
        return None
    hosts, _, primary = address.removeprefix(SENTINEL).partition("/")
    if not primary:
        raise RedisAddressError(
            f"REDIS_ADDR={_shown(address)} does not name the primary: add its name, {SENTINEL}.../name"
        )
    return SentinelAddress(_hosts(address, hosts, _SENTINEL_PORT), primary)


def cluster_hosts(address: str) -> Hosts | None:
    """Return the servers of a cluster to ask first; None if the address is of another kind."""
    if not is_cluster(address):
        return None
    return _hosts(address, address.removeprefix(CLUSTER).rstrip("/"), _REDIS_PORT)


def check_address(address: str, database: int) -> None:
    """Check that clients can be made of `REDIS_ADDR` and `REDIS_DB`.

    Raises:
        RedisAddressError: they cannot.
    """
    if sentinel_address(address) is not None:
        return
    if cluster_hosts(address) is not None:
        if database:
            raise RedisAddressError(f"REDIS_DB={database}: a cluster has the database 0 only; leave REDIS_DB out")
        return
    if "://" in address and urlsplit(address).scheme not in {"redis", "rediss"}:
        raise RedisAddressError(f"REDIS_ADDR={_shown(address)} is not one of {_FORMS}")
    _hosts(address, address.partition("://")[2] or address, _REDIS_PORT)


def _shown(address: str) -> str:
    """Return an address as it may be shown: without a password."""
    return repr(address.rpartition("@")[2])


def _hosts(address: str, hosts: str, default_port: int) -> Hosts:
    found: Hosts = []
    for host in hosts.split(","):
        parts = urlsplit(f"//{host.strip()}")
        try:
            port = parts.port or default_port
        except ValueError:
            raise RedisAddressError(f"REDIS_ADDR={_shown(address)}: the port of {_shown(host)} is no port") from None
        if not parts.hostname or parts.path:
            raise RedisAddressError(f"REDIS_ADDR={_shown(address)} is not one of {_FORMS}")
        found.append((parts.hostname, port))
    return found

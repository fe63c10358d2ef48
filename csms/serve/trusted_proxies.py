"""Who is believed about where a connection comes from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network


class TrustedProxies:
    """The addresses of `TRUSTED_PROXIES`: `address in proxies`."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._networks = tuple(ip_network(proxy) for proxy in proxies)
        self._known = lru_cache(maxsize=4096)(self._is_one)

    def __contains__(self, address: str) -> bool:
        return self._known(address)

    def _is_one(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

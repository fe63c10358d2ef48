"""Whose address a socket comes from, in the form in which addresses are counted."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

# Whoever has one IPv6 address has all of its /64 (RFC 6177), so they count as one.
_IPV6_PREFIX = 64
UNKNOWN = "unknown"


def address_of(scope: dict[str, Any]) -> str:
    """Return the address a request comes from, seen through the proxies in `TRUSTED_PROXIES` and no others.

    The server has put it into the scope by then (`csms.serve.start`); what a stranger writes into `X-Forwarded-For`
    never gets there.
    """
    client = scope.get("client")
    return counted_as(client[0]) if client else UNKNOWN


def counted_as(text: str) -> str:
    """Return the form of an address under which it is counted: IPv4 as it stands, IPv6 as its /64."""
    try:
        address = ip_address(text)
    except ValueError:
        return UNKNOWN
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # Without the scope of a link-local address, which names an interface of ours.
    return str(ip_network((int(address), _IPV6_PREFIX), strict=False))

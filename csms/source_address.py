"""The form in which addresses are counted, wherever too much from one of them is too much."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

# Whoever has one IPv6 address has all of its /64 (RFC 6177), so they count as one.
_IPV6_PREFIX = 64


def counted_as(text: str) -> str | None:
    """Return what an address counts as: IPv4 as it stands, IPv6 as its /64; None if it is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # Without the scope of a link-local address, which names an interface of ours.
    return str(ip_network((int(address), _IPV6_PREFIX), strict=False))

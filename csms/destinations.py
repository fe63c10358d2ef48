"""URLs that somebody else is told to open: checked in one place, so that no caller of the API makes a station, or this
server, knock at doors that are not meant for him (CWE-918).

A station sits in somebody's network. What it can reach there, its own services, the modem's pages, the metadata of a
cloud, is none of the caller's business. Names are not looked up: what they stand for at the station is known only
there, and may change the moment after. Names that can only be local are refused by their form.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address

_LOCAL_NAMES = ("local", "internal", "intranet", "lan", "home", "corp", "private")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
# Browsers and curl take a host whose last part is a number for an address: 2130706433 and 127.1 are 127.0.0.1.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class UnsafeDestination(Exception):
    """The URL is not one that may be passed on; the text says why and what to do."""


def check_destination(url: str) -> None:
    """Return if a station may be told to open this URL.

    Raises:
        UnsafeDestination: with what is wrong with it.
    """
    parts = _split(url)
    schemes = settings.STATION_URL_SCHEMES
    if parts.scheme not in schemes:
        raise UnsafeDestination(f"use a URL that begins with {', '.join(f'{name}://' for name in schemes)}")
    if not settings.STATION_URL_CREDENTIALS and "@" in parts.netloc:
        raise UnsafeDestination("a user or password in the URL is not allowed here (STATION_URL_CREDENTIALS)")
    _check_host(parts.hostname or "")


def _split(url: str) -> SplitResult:
    # urlsplit drops line ends and tabs in silence; what is passed on would be another URL than what was checked.
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UnsafeDestination("use printable ASCII characters only; write others as %XX, a host name as punycode")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UnsafeDestination(f"not a URL: {error}") from None
    if "#" in url or (parts.query and not parts.path):
        # Old libraries take what is behind it for the host: http://files.example#@127.0.0.1/ (CVE-2016-8624).
        raise UnsafeDestination("write no '#', and a '/' behind the host before a '?'")
    return parts


def _check_host(host: str) -> None:
    host = host.removesuffix(".")
    if not host:
        raise UnsafeDestination("the URL names no host")
    if (address := _address(host)) is not None:
        _check_address(address)
        return
    labels = host.split(".")
    if len(host) > 253 or not all(_NAME.fullmatch(label) for label in labels):
        raise UnsafeDestination("the host is neither a name nor an address")
    if labels[-1] == "localhost":
        raise _local("a name for the station itself")
    if (len(labels) == 1 or labels[-1] in _LOCAL_NAMES) and not settings.STATION_URL_PRIVATE:
        raise _private("a name that only a local network knows")


def _address(host: str) -> Address | None:
    """Return the address that a host is; None for a name."""
    if ":" not in host and not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    try:
        address = ip_address(host)
    except ValueError:
        raise UnsafeDestination("write the address as four decimal numbers, or as IPv6 without a zone") from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise UnsafeDestination("write the address as four decimal numbers, or as IPv6 without a zone")
        # Both are ways to write an IPv4 address; 6to4 and Teredo carry one as well.
        return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
    return address


def _check_address(address: Address) -> None:
    if address.is_loopback or address.is_unspecified:
        raise _local("an address of the station itself")
    if address.is_link_local or address.is_multicast or address.is_reserved:
        raise _local("an address that belongs to nobody out there")
    if not address.is_global and not settings.STATION_URL_PRIVATE:
        raise _private("an address of a private network")


def _local(what: str) -> UnsafeDestination:
    return UnsafeDestination(f"the host is {what}: use one that the station finds in its network")


def _private(what: str) -> UnsafeDestination:
    return UnsafeDestination(f"the host is {what}: use a public one, or allow it with STATION_URL_PRIVATE")

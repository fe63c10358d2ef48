"""Whose address a socket comes from, in the form in which addresses are counted."""

from __future__ import annotations

from typing import Any

from csms.source_address import counted_as

UNKNOWN = "unknown"


def address_of(scope: dict[str, Any]) -> str:
    """Return the address a request comes from, seen through the proxies in `TRUSTED_PROXIES` and no others.

    The server has put it into the scope by then (`csms.serve.start`); what a stranger writes into `X-Forwarded-For`
    never gets there.
    """
    client = scope.get("client")
    return (counted_as(client[0]) if client else None) or UNKNOWN

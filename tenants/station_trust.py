"""What a platform's superuser says of the certificates of a tenant's stations, checked before it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenants.models import Tenant
from tenants.station_authorities import BadAuthority, check_authorities, check_revocation_lists, read_authorities

FIELDS = ("station_authorities", "station_revocation_lists")


def check_trust(slug: str, values: Mapping[str, Any], stored: Tenant | None = None) -> dict[str, str]:
    """Return what is wrong with a tenant's authorities and revocation lists, by field; nothing if all is well.

    `values` are those that change; the others are as `stored`.
    """
    if not set(FIELDS) & set(values):
        return {}
    authorities, lists = (str(values.get(name, getattr(stored, name, "") or "")) for name in FIELDS)
    try:
        check_authorities(authorities)
        _require_own(slug, authorities)
    except BadAuthority as error:
        return {FIELDS[0]: str(error)}
    try:
        check_revocation_lists(lists, authorities)
    except BadAuthority as error:
        return {FIELDS[1]: str(error)}
    return {}


def _require_own(slug: str, authorities: str) -> None:
    """Refuse an authority that another tenant has: its stations could log in as those of the other."""
    subjects = {one.subject for one in read_authorities(authorities)}
    if not subjects:
        return
    others = Tenant.objects.exclude(slug=slug).exclude(station_authorities="")
    for other in others.values_list("station_authorities", flat=True):
        taken = subjects & {one.subject for one in read_authorities(other)}
        if taken:
            name = taken.pop().rfc4514_string()
            raise BadAuthority(f"another tenant has an authority named {name!r}: use a sub-CA for each tenant")

"""The people of a tenant in its file: names, roles and hashes of their passwords."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from tenants.archive.records import BadArchive, value_of
from tenants.models import Membership, Role, Tenant, User

_FIELDS: dict[str, type] = {
    "username": str,
    "email": str,
    "first_name": str,
    "last_name": str,
    "is_active": bool,
    "password": str,
}


def members_of(tenant: Tenant) -> list[dict[str, Any]]:
    """Return a tenant's members for its file."""
    members = Membership.objects.filter(tenant_id=tenant.slug).select_related("user").order_by("pk")
    return [
        {"user_id": member.user_id, "role": member.role, **{name: getattr(member.user, name) for name in _FIELDS}}
        for member in members
    ]


def check_members(members: list[Any]) -> None:
    """Check that these are members as `members_of` returns them.

    Raises:
        BadArchive: they are not.
    """
    for member in members:
        if not isinstance(member, dict):
            raise BadArchive("a member in the file is no record: no export is like that")
        for name, kind in {**_FIELDS, "role": str}.items():
            value_of(member, name, kind)


def restore_members(slug: str, members: list[dict[str, Any]]) -> list[str]:
    """Give a tenant its members back and return the names of those who were left out.

    A person who is not here is created, with the password as it was and without any rights on the platform. Where
    somebody else has the name here, a stranger would get in: so that one is left out.
    """
    left_out = []
    for member in members:
        user = User.objects.filter(username=member["username"]).first()
        if user is None:
            user = _create(member)
        elif user.pk != member.get("user_id"):
            left_out.append(member["username"])
            continue
        role = member["role"] if member["role"] in Role.values else Role.VIEWER.value
        Membership.objects.get_or_create(user=user, tenant_id=slug, defaults={"role": role})
    return left_out


def _create(member: dict[str, Any]) -> User:
    key = member.get("user_id")
    free = isinstance(key, ObjectId) and not User.objects.filter(pk=key).exists()
    user = User(**{name: member[name] for name in _FIELDS}, **({"pk": key} if free else {}))
    user.save(force_insert=True)
    return user

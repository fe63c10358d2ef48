"""Entries about log-ins: good ones and refused ones, the latter only so many per minute."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out

from tenants.access import SUPERUSER, Access
from tenants.audit.models import ActorKind
from tenants.audit.record import created, entry, store
from tenants.audit.trail import NOBODY, Actor
from tenants.models import User
from tenants.program import Program

# Whoever tries passwords must not fill the database: what goes beyond is counted in the entry that ends a minute.
REFUSALS_PER_MINUTE = 60
# Somebody who belongs to more tenants is rather the platform's business.
TENANTS_AT_MOST = 20
USERS = "users"


def actor_of(user: User | Program, role: str = "") -> Actor:
    """Return whoever is asking as an actor."""
    if isinstance(user, Program):
        return Actor(ActorKind.API_KEY, user.key.pk, user.get_username(), role)
    return Actor(ActorKind.USER, str(user.pk), user.get_username(), role or (SUPERUSER if user.is_superuser else ""))


def record_log_in(access: Access) -> None:
    """Write down that somebody has logged in at the API."""
    actor = actor_of(access.user, access.role)
    store([entry("log_in", USERS, actor.name, actor=actor)], access.slug)


def record_own_deed(user: User, action: str) -> None:
    """Write down what somebody has done with their own account, in the tenants they belong to."""
    _everywhere(user, action)


class _Minute:
    """How many refusals were written in this minute, in this process."""

    def __init__(self) -> None:
        self._number = 0
        self._count = 0
        self._left_out = 0

    def take(self) -> tuple[bool, int]:
        """Return whether one more may be written, and how many were left out since the last one."""
        number = int(time.monotonic() // 60)
        if number != self._number:
            self._number, self._count = number, 0
        self._count += 1
        if self._count > REFUSALS_PER_MINUTE:
            self._left_out += 1
            return False, 0
        left_out, self._left_out = self._left_out, 0
        return True, left_out


_minute = _Minute()


def record_refusal(username: str, reason: str) -> None:
    """Write down that somebody was not let in. A name that is none of ours is not kept: people type passwords there."""
    allowed, left_out = _minute.take()
    if not allowed:
        return
    user = User.objects.filter(username=username).first()
    facts = {"reason": reason} | ({"left_out_before": left_out} if left_out else {})
    if user is None:
        store([entry("log_in_refused", USERS, "", created(facts | {"user": "unknown"}), actor=NOBODY)], None)
        return
    _everywhere(user, "log_in_refused", created(facts | {"user": user.get_username()}), actor=NOBODY)


def _everywhere(user: User, action: str, changes: Any = None, *, actor: Actor | None = None) -> None:
    """Write an entry about a user into the logs of the tenants they belong to, else into that of the platform."""
    known = dict(user.memberships.values_list("tenant_id", "role")[: TENANTS_AT_MOST + 1])
    places: dict[str | None, str] = (
        dict(known) if 0 < len(known) <= TENANTS_AT_MOST and not user.is_superuser else {None: ""}
    )
    for tenant, role in places.items():
        store([entry(action, USERS, user.get_username(), changes, actor=actor or actor_of(user, role))], tenant)


def _logged_in(sender: Any, user: User, **kwargs: Any) -> None:
    _everywhere(user, "log_in")


def _logged_out(sender: Any, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _everywhere(user, "log_out")


def connect() -> None:
    """Listen to log-ins at the admin."""
    user_logged_in.connect(_logged_in, dispatch_uid="audit_logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="audit_logged_out")

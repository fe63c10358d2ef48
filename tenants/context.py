"""Whose data the current request may touch: a context variable, set by token, admin switch or handshake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str | None] = ContextVar("current_tenant", default=None)


class NoTenant(RuntimeError):
    """Tenant data was asked for while no tenant was chosen; there is no database to fall back to."""


def current_tenant() -> str | None:
    """Return the slug of the tenant in force, or None."""
    return _current.get()


def require_tenant() -> str:
    """Return the slug of the tenant in force.

    Raises:
        NoTenant: no tenant is in force.
    """
    slug = _current.get()
    if slug is None:
        raise NoTenant("no tenant is chosen: use tenant_scope(), a tenant's token or the admin's tenant switch")
    return slug


def set_tenant(slug: str | None) -> None:
    """Choose the tenant until the surrounding `tenant_scope` ends."""
    _current.set(slug)


@contextmanager
def tenant_scope(slug: str | None) -> Iterator[None]:
    """Run a block as one tenant (or as none) and restore what was in force before."""
    token = _current.set(slug)
    try:
        yield
    finally:
        _current.reset(token)

"""Who is asking, in which tenant, and what they may do there: read from the database, never from a token alone."""

from __future__ import annotations

from dataclasses import dataclass

from csms.errors import CsmsError
from tenants.models import Membership, Tenant, User
from tenants.program import Program

SUPERUSER = "superuser"


class NoAccess(CsmsError):
    """The user has no place in the tenant, or there is no such tenant: the caller decides how much to say."""

    code = "no_access"
    http_status = 404


class TenantSuspended(CsmsError):
    """The tenant is suspended; its members are locked out until it is resumed."""

    code = "tenant_suspended"
    http_status = 403

    def __init__(self, slug: str) -> None:
        super().__init__(f"the tenant {slug!r} is suspended: ask the operator of the platform")


class NoMembership(CsmsError):
    """The user is a member of no tenant."""

    code = "no_membership"
    http_status = 403

    def __init__(self) -> None:
        super().__init__("you are a member of no tenant yet: ask an administrator to add you")


class SeveralMemberships(CsmsError):
    """The user has to say which of several tenants is meant."""

    code = "tenant_required"

    def __init__(self, slugs: list[str]) -> None:
        super().__init__(f'you are a member of several tenants: add "tenant" with one of {", ".join(slugs)}')


@dataclass(frozen=True, slots=True)
class Access:
    """A user or a program acting in a tenant, or a platform superuser acting in none."""

    user: User | Program
    tenant: Tenant | None
    role: str
    # The rows of the table of roles that an API key may be used for; None for people, who may use all.
    resources: frozenset[str] | None = None

    @property
    def slug(self) -> str | None:
        """The tenant's slug, None outside of tenants."""
        return self.tenant.slug if self.tenant else None

    def covers(self, resource: str) -> bool:
        """Return whether a resource is within the scope; the role decides beside that."""
        return self.resources is None or resource in self.resources


def access_to(user: User, slug: str | None) -> Access:
    """Return the user's access to a tenant as it stands now.

    A superuser may act in every tenant, also in a suspended one, and in none.

    Raises:
        NoAccess: there is no such tenant, or it is none of the user's business.
        TenantSuspended: the tenant is suspended.
    """
    if user.is_superuser:
        return Access(user, _tenant(slug) if slug else None, SUPERUSER)
    membership = user.membership_in(slug) if slug else None
    return access_as(user, membership.tenant if membership else None, membership)


def access_as(user: User, tenant: Tenant | None, membership: Membership | None) -> Access:
    """Return the user's access to a tenant by what was read of both; raises as `access_to`."""
    if user.is_superuser:
        return Access(user, tenant, SUPERUSER)
    if tenant is None or membership is None:
        raise NoAccess("there is nothing at this address", code="not_found")
    if tenant.status != Tenant.Status.ACTIVE:
        raise TenantSuspended(tenant.slug)
    return Access(user, tenant, membership.role)


def default_access(user: User) -> Access:
    """Return the user's access where no tenant was named: the only one there is.

    Raises:
        NoMembership, SeveralMemberships, TenantSuspended: see there.
    """
    memberships = list(user.memberships.select_related("tenant"))
    if user.is_superuser:
        return Access(user, memberships[0].tenant if len(memberships) == 1 else None, SUPERUSER)
    if not memberships:
        raise NoMembership
    if len(memberships) > 1:
        raise SeveralMemberships([membership.tenant_id for membership in memberships])
    return access_as(user, memberships[0].tenant, memberships[0])


def _tenant(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise NoAccess(f"there is no tenant {slug!r}", code="not_found")
    return tenant

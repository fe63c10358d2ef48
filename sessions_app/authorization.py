"""May this token charge? (OCPP 1.6 §4.1, §5.11)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chargepoints.station import Station
from events.facts import session_authorized
from sessions_app.models import ChargingSession, IdToken
from tenants.clients import Document
from tenants.directory import TenantRecord
from tenants.grouped_reads import grouped_reads
from tenants.unit_of_work import UnitOfWork

ID_TOKENS = IdToken._meta.db_table
SESSIONS = ChargingSession._meta.db_table


class AuthorizationStatus(StrEnum):
    """The verdict on a token."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    CONCURRENT = "concurrent"


@dataclass(frozen=True, slots=True)
class Authorization:
    """The verdict on a token, with what a station may keep of it."""

    status: AuthorizationStatus
    expires_at: datetime | None = None
    parent_id_tag: str = ""


def token_key(id_tag: str) -> str:
    """Return the form under which a tag is stored and compared: tags know no upper and lower case."""
    return id_tag.lower()


def judge(token: Document | None, now: datetime) -> Authorization:
    """Return the verdict on a stored token, apart from what else it is charging."""
    if token is None:
        return Authorization(AuthorizationStatus.INVALID)
    expires_at: datetime | None = token["expires_at"]
    status = AuthorizationStatus(token["status"])
    if status is AuthorizationStatus.ACCEPTED and expires_at is not None and expires_at <= now:
        status = AuthorizationStatus.EXPIRED
    return Authorization(status, expires_at, token["parent_id_tag"])


async def check_token(tenant: TenantRecord, id_tag: str, now: datetime) -> tuple[Authorization, Document | None]:
    """Return the verdict on a tag, and the token itself if there is one. In a suspended tenant all are blocked."""
    if not tenant.active:
        return Authorization(AuthorizationStatus.BLOCKED), None
    token = await grouped_reads(tenant, ID_TOKENS).find_one(token_key(id_tag))
    return judge(token, now), token


def find_verdict(id_tag: str, now: datetime) -> Authorization:
    """Return the verdict on a tag of the current tenant; for those who work with the ORM."""
    token = IdToken.objects.filter(pk=token_key(id_tag)).values("status", "expires_at", "parent_id_tag").first()
    return judge(token, now)


async def authorize(station: Station, id_tag: str, now: datetime) -> Authorization:
    """Return the verdict on a tag that somebody presents at a station, and announce it."""
    verdict, _ = await check_token(station.tenant, id_tag, now)
    unit = station.unit_of_work()
    station.announce(unit, session_authorized, now, {"id_tag": id_tag, "status": verdict.status.value})
    await unit.commit()
    return verdict


@dataclass(frozen=True, slots=True)
class StartVerdict:
    """The verdict on a tag at the start of a session, and on which state of the token it rests.

    Attributes:
        seen_starts: how many sessions a limited token had begun when it was judged; None where no limit was counted.
    """

    authorization: Authorization
    token_id: str = ""
    seen_starts: int | None = None

    def require(self, unit: UnitOfWork) -> None:
        """Have the commit of a unit fail with `NothingMatched` if another session of the token began meanwhile.

        Two stations that present one tag at the same moment both find it free. Whoever stores second is to look
        again, so that `max_active` is exact without a lock; tokens without a limit pay nothing for it.
        """
        if self.seen_starts is None:
            return
        # Tokens that never began a session do not have the field, which a query for null finds, too.
        seen = self.seen_starts or {"$in": [None, 0]}
        unit.update(ID_TOKENS, {"_id": self.token_id, "starts": seen}, {"$inc": {"starts": 1}}, must_match=True)


async def authorize_start(
    tenant: TenantRecord, id_tag: str, now: datetime, *, over: Sequence[str] = ()
) -> StartVerdict:
    """Return the verdict on a tag at the start of a session: also whether it charges elsewhere already.

    Args:
        over: sessions that end with this start; they do not count.
    """
    verdict, token = await check_token(tenant, id_tag, now)
    if verdict.status is not AuthorizationStatus.ACCEPTED or token is None or token["max_active"] is None:
        return StartVerdict(verdict)
    limit: int = token["max_active"]
    # After the token was read: a start that is stored between the two changes the token.
    running = {"token_id": token_key(id_tag), "status": "active", "_id": {"$nin": list(over)}}
    active = await tenant.database[SESSIONS].count_documents(running, limit=max(limit, 1))
    if active >= limit:
        return StartVerdict(Authorization(AuthorizationStatus.CONCURRENT, verdict.expires_at, verdict.parent_id_tag))
    return StartVerdict(verdict, token["_id"], int(token.get("starts") or 0))

"""The verdict on a tag, as OCPP 1.6 writes it (§7.31 IdTagInfo)."""

from __future__ import annotations

from typing import Any

from ocpp_gateway.protocol.timestamps import format_time
from sessions_app.authorization import Authorization, AuthorizationStatus

_WORDS = {
    AuthorizationStatus.ACCEPTED: "Accepted",
    AuthorizationStatus.BLOCKED: "Blocked",
    AuthorizationStatus.EXPIRED: "Expired",
    AuthorizationStatus.INVALID: "Invalid",
    AuthorizationStatus.CONCURRENT: "ConcurrentTx",
}
_MAX_PARENT = 20


def id_tag_info(verdict: Authorization) -> dict[str, Any]:
    """Return the IdTagInfo of a verdict."""
    info: dict[str, Any] = {"status": _WORDS[verdict.status]}
    if verdict.expires_at is not None:
        info["expiryDate"] = format_time(verdict.expires_at)
    if verdict.parent_id_tag:
        info["parentIdTag"] = verdict.parent_id_tag[:_MAX_PARENT]
    return info

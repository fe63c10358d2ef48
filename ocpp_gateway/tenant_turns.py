"""What instances share of a tenant is forgotten with it."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.conf import settings
from redis.exceptions import RedisError

from csms.errors import CsmsError
from csms.redis import state_redis
from ocpp_gateway.redis_pending import RedisPendingCalls
from ocpp_gateway.redis_presence import RedisPresence
from tenants.lifecycle import tenant_gone


class RedisUnavailable(CsmsError):
    """What Redis keeps of the tenant could not be deleted; asking again finishes it."""

    code = "redis_unavailable"
    http_status = 503
    retry_after = 5


def connect() -> None:
    """Take part in tenants' turns."""
    tenant_gone.connect(forget, dispatch_uid="ocpp_gateway.forget")


def forget(sender: object, slug: str, **_: object) -> None:
    """Delete a tenant's keys in the state that instances share.

    Raises:
        RedisUnavailable: Redis is away.
    """
    if settings.REDIS_DISTRIBUTED_STATE:
        try:
            async_to_sync(_forget)(slug)
        except (RedisError, OSError) as error:
            raise RedisUnavailable(f"what Redis keeps of {slug!r} is not deleted yet: {error}") from None


async def _forget(slug: str) -> None:
    client = state_redis()
    try:
        await RedisPresence(client, settings.REDIS_STATE_PREFIX).forget_tenant(slug)
        await RedisPendingCalls(client, settings.REDIS_STATE_PREFIX, settings.REDIS_STATE_TTL).forget_tenant(slug)
    finally:
        await client.aclose()

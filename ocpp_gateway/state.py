"""The state that instances share, in Redis, or in memory where there is only one instance."""

from __future__ import annotations

from dataclasses import dataclass

from channels_redis.core import RedisChannelLayer
from django.conf import settings

from csms.redis import channel_layer_host, state_redis, waiting_redis
from csms.redis_address import is_cluster
from ocpp_gateway.cluster_layer import ClusterLayer
from ocpp_gateway.layer_mailbox import Layer, LayerMailbox
from ocpp_gateway.limits.redis_strikes import RedisStrikes
from ocpp_gateway.limits.socket_counts import Exchange, RedisExchange
from ocpp_gateway.limits.steady_strikes import SteadyStrikes
from ocpp_gateway.limits.strikes import MemoryStrikes, Strikes
from ocpp_gateway.mailbox import Mailbox, MemoryMailbox
from ocpp_gateway.pending import MemoryPendingCalls, PendingCalls
from ocpp_gateway.presence import MemoryPresence, Presence
from ocpp_gateway.redis_pending import RedisPendingCalls
from ocpp_gateway.redis_presence import RedisPresence

# Letters that may wait for one instance; beyond that, whoever writes another is told to come back later.
MAILBOX_CAPACITY = 10_000
# A letter that nobody has taken for this long is of no use any more: its sender has given up.
LETTER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class SharedState:
    """What a gateway shares with others; `leases` is None where there are no others."""

    presence: Presence
    pending: PendingCalls
    mailbox: Mailbox
    leases: RedisPresence | None
    strikes: Strikes
    exchange: Exchange | None


def shared_state() -> SharedState:
    """Return new clients of the shared state, as `REDIS_DISTRIBUTED_STATE` says; for one event loop."""
    if not settings.REDIS_DISTRIBUTED_STATE:
        return SharedState(MemoryPresence(), MemoryPendingCalls(), MemoryMailbox(), None, MemoryStrikes(), None)
    client = state_redis()
    prefix = settings.REDIS_STATE_PREFIX
    presence = RedisPresence(client, prefix)
    pending = RedisPendingCalls(client, prefix, settings.REDIS_STATE_TTL)
    strikes = SteadyStrikes(RedisStrikes(client, prefix))
    return SharedState(
        presence, pending, LayerMailbox(channel_layer(prefix)), presence, strikes, RedisExchange(client, prefix)
    )


def channel_layer(prefix: str) -> Layer:
    """Return a new layer for letters between instances, for the kind of Redis there is."""
    prefix = f"{prefix}:layer:"
    if is_cluster(settings.REDIS_ADDR):
        return ClusterLayer(state_redis(), waiting_redis(), prefix, capacity=MAILBOX_CAPACITY, expiry=LETTER_SECONDS)
    host = channel_layer_host()
    layer: Layer = RedisChannelLayer(hosts=[host], prefix=prefix, capacity=MAILBOX_CAPACITY, expiry=LETTER_SECONDS)
    return layer

"""A nudge from whoever has written an outbox row to the publisher, over Redis.

Only a nudge: without Redis, or when one is lost, the publisher finds the row at its next look around.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import suppress

import redis
import redis.asyncio
import structlog
from redis.exceptions import RedisError

from csms.lifecycle import background

# Nudges of one process are sent at most this often, whatever the number of commits.
NUDGE_SECONDS = 0.02
_RETRY_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Nudges:
    """The sending side, for one event loop."""

    def __init__(self, client: redis.asyncio.Redis, channel: str) -> None:
        self._client = client
        self._channel = channel
        self._tenants: set[str] = set()
        self._sending = False
        self._silent_until = 0.0
        self._failed = False

    def outbox_written(self, tenant: str) -> None:
        """Tell the publisher soon that a tenant has events; costs no round trip here and never fails."""
        self._tenants.add(tenant)
        if not self._sending and time.monotonic() >= self._silent_until:
            self._sending = True
            background(self._send(), "nudge_publisher")

    async def _send(self) -> None:
        await asyncio.sleep(NUDGE_SECONDS)
        tenants, self._tenants = self._tenants, set()
        self._sending = False
        try:
            await self._client.publish(self._channel, "\n".join(tenants))
        except (RedisError, OSError) as error:
            self._silent_until = time.monotonic() + _RETRY_SECONDS
            if not self._failed:  # once for an outage: the events themselves are not at risk
                log.warning("publisher_not_nudged", error=str(error))
            self._failed = True
        else:
            self._failed = False


def nudge(client: redis.Redis, channel: str, tenant: str) -> None:
    """Tell the publisher at once that a tenant has events, and close the client; for threads, and never fails."""
    try:
        client.publish(channel, tenant)
    except (RedisError, OSError) as error:
        log.warning("publisher_not_nudged", error=str(error))
    finally:
        client.close()


class NudgeListener:
    """The receiving side: a thread that keeps the nudged tenants and wakes the publisher."""

    def __init__(self, client: redis.Redis, channel: str) -> None:
        self._client = client
        self._channel = channel
        self._tenants: set[str] = set()
        self._lock = threading.Lock()
        self.wake, self._waker = socket.socketpair()
        self.wake.setblocking(False)
        self._waker.setblocking(False)
        # Whether nudges reach this process now; false without Redis.
        self.listening = False
        self._failed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="nudges", daemon=True)

    def start(self) -> None:
        """Begin to listen; keeps trying while Redis is away."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join(timeout=2)

    def take(self) -> set[str]:
        """Return the tenants nudged since the last call."""
        try:
            while self.wake.recv(4096):
                continue
        except BlockingIOError:
            pass  # the socket is empty, which is where this loop is meant to end
        with self._lock:
            tenants, self._tenants = self._tenants, set()
        return tenants

    def interrupt(self) -> None:
        """Wake whoever waits on `wake`; may be called from a signal handler."""
        with suppress(BlockingIOError):  # full: whoever waits on it is woken anyway
            self._waker.send(b"!")

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen_once()
            except (RedisError, OSError) as error:
                if self.listening or not self._failed:  # once for an outage
                    log.warning("nudges_unavailable", error=str(error))
                self.listening, self._failed = False, True
                self._stop.wait(_RETRY_SECONDS)

    def _listen_once(self) -> None:
        with self._client.pubsub(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(self._channel)
            self.listening = True
            while not self._stop.is_set():
                message = subscription.get_message(timeout=1.0)
                if message is not None:
                    with self._lock:
                        self._tenants.update(message["data"].decode("utf-8").split("\n"))
                    self.interrupt()

"""Sentinels that ask for a password, before a Redis that asks for another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis.exceptions import RedisError

from csms.redis import async_redis, sync_redis
from ocpp_gateway.layer_mailbox import Layer
from ocpp_gateway.state import channel_layer
from tests.redis_kinds.servers import Watched, new_passwords, running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    servers = Watched(tmp_path_factory.mktemp("guarded"), new_passwords())
    with running(servers):
        yield servers


@pytest.fixture
def configured(guarded: Watched, settings: Any) -> Any:
    """The product's settings, with all that these servers ask for."""
    for name, value in guarded.settings.items():
        setattr(settings, name, value)
    return settings


async def test_every_kind_of_client_gets_in(configured: Any) -> None:
    sync = sync_redis()
    assert sync.ping()
    sync.close()
    client = async_redis()
    assert await client.ping()
    await client.aclose()
    layer: Layer = channel_layer("guarded")
    await layer.send("letters", {"type": "hello"})
    assert await layer.receive("letters") == {"type": "hello"}


@pytest.mark.parametrize("name", ["REDIS_PASSWORD", "REDIS_SENTINEL_PASSWORD"])
@pytest.mark.parametrize("wrong", [None, "wrong"])
def test_a_wrong_password_is_no_password(configured: Any, name: str, wrong: str | None) -> None:
    """Whichever of the two it is, and also if it is the other's."""
    setattr(configured, name, wrong)
    client = sync_redis()
    with pytest.raises(RedisError):
        client.ping()
    client.close()

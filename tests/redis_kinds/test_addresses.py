"""Addresses of Redis: what is taken, and what is said about the rest."""

from __future__ import annotations

import pytest

from csms.redis_address import RedisAddressError, check_address, cluster_hosts, sentinel_address


@pytest.mark.parametrize(
    "address",
    [
        "redis",
        "redis:6379",
        "[::1]:6379",
        "redis://redis:6379",
        "rediss://redis.example:6380",
        "redis+sentinel://one/main",
        "redis+sentinel://one:26379,two:26380/main",
        "redis+cluster://one:7000,two:7001",
    ],
)
def test_it_is_taken(address: str) -> None:
    check_address(address, 0)


def test_sentinels_and_their_primary() -> None:
    found = sentinel_address("redis+sentinel://one,two:26380/main")
    assert found is not None
    assert (found.hosts, found.primary) == ([("one", 26379), ("two", 26380)], "main")
    assert sentinel_address("redis:6379") is None


def test_servers_of_a_cluster() -> None:
    assert cluster_hosts("redis+cluster://one:7000,two") == [("one", 7000), ("two", 6379)]
    assert cluster_hosts("redis://one:7000") is None


@pytest.mark.parametrize(
    ("address", "database", "said"),
    [
        ("redis+sentinel://one:26379", 0, "does not name the primary"),
        ("redis+sentinel:///main", 0, "is not one of"),
        ("redis+cluster://", 0, "is not one of"),
        ("redis+cluster://one:7000", 3, "database 0 only"),
        ("redis+cluster://one:x", 0, "is no port"),
        ("redis:99999", 0, "is no port"),
        ("mongodb://one", 0, "is not one of"),
        ("redis://one:6379/2", 0, "is not one of"),
    ],
)
def test_it_is_refused_with_a_reason(address: str, database: int, said: str) -> None:
    with pytest.raises(RedisAddressError, match=said):
        check_address(address, database)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(RedisAddressError) as refused:
        check_address("redis://:s3cret@redis:6379/2", 0)
    assert "s3cret" not in str(refused.value)

"""`manage.py blocks`: who is refused at the moment, and letting them in again."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from csms.redis import state_redis
from ocpp_gateway.limits.redis_strikes import RedisStrikes

# What is blocked there is the reporting of what was noticed, and nobody.
_REPORTS = "reports:"


class Command(BaseCommand):
    """Lists the blocks of failed log-ins and flapping, one per line, or lifts some."""

    help = "List stations and addresses that are refused at the moment; --lift lets them in again."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--lift", nargs="+", metavar="KEY", default=[], help="as listed; or the word all")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.REDIS_DISTRIBUTED_STATE:
            raise CommandError("without REDIS_DISTRIBUTED_STATE blocks are in the memory of `serve`: start it again")
        work = self._lift(options["lift"]) if options["lift"] else _blocks
        try:
            lines = asyncio.run(_with_strikes(work))
        except (RedisError, OSError) as error:
            raise CommandError(f"Redis cannot be asked: {error}") from None
        for line in lines:
            self.stdout.write(line)

    def _lift(self, keys: list[str]) -> Callable[[RedisStrikes], Awaitable[list[str]]]:
        async def lift(strikes: RedisStrikes) -> list[str]:
            wanted = list(await _found(strikes)) if keys == ["all"] else keys
            for key in wanted:
                if not await strikes.lift(key):
                    raise CommandError(f"nothing is known of {key!r}: use a key as it is listed without --lift")
            return [f"lifted {key}" for key in wanted]

        return lift


async def _blocks(strikes: RedisStrikes) -> list[str]:
    found = await _found(strikes)
    return [f"{key}  {found[key]:.0f} s" for key in sorted(found)] or ["nobody is blocked"]


async def _found(strikes: RedisStrikes) -> dict[str, float]:
    return {key: seconds for key, seconds in (await strikes.blocks()).items() if not key.startswith(_REPORTS)}


async def _with_strikes(work: Callable[[RedisStrikes], Awaitable[list[str]]]) -> list[str]:
    client = state_redis()
    try:
        return await work(RedisStrikes(client, settings.REDIS_STATE_PREFIX))
    finally:
        await client.aclose()

"""Strikes over all instances, in Redis: a hash per key, changed in one step (Lua), by the clock of Redis."""

from __future__ import annotations

from redis.asyncio import Redis

from ocpp_gateway.limits.strikes import Rule, Strike

# KEYS: hash of the key. ARGV: limit, window, block, longest. Returns seconds blocked, whether it begins now, count.
_STRIKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local block, longest = tonumber(ARGV[3]), tonumber(ARGV[4])
local known = redis.call('HMGET', KEYS[1], 'since', 'count', 'level', 'ends')
local since, count = tonumber(known[1] or now), tonumber(known[2] or 0)
local level, ends = tonumber(known[3] or 0), tonumber(known[4] or 0)
if ends > now then
  return {tostring(ends - now), 0, 0}
end
if now - since > window then
  since, count = now, 0
end
count = count + 1
local begins, blocked, told = 0, 0, count
if count >= limit then
  blocked = math.min(block * 2 ^ math.min(level, 60), longest)
  begins, ends, since, count, level = 1, now + blocked, now + blocked, 0, level + 1
end
redis.call('HSET', KEYS[1], 'since', string.format('%.6f', since), 'count', count, 'level', level,
  'ends', string.format('%.6f', ends))
redis.call('EXPIRE', KEYS[1], math.ceil(blocked + math.max(window, longest)))
return {tostring(blocked), begins, told}
"""

# KEYS: hash of the key. Returns the seconds it is still blocked.
_BLOCKED = """
local time = redis.call('TIME')
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends') or 0)
return tostring(math.max(0, ends - tonumber(time[1]) - tonumber(time[2]) / 1000000))
"""


class RedisStrikes:
    """Implements `Strikes`; raises redis' errors while Redis is away."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._prefix = f"{prefix}:strikes:"
        self._strike = client.register_script(_STRIKE)
        self._blocked = client.register_script(_BLOCKED)

    async def strike(self, key: str, rule: Rule) -> Strike:
        blocked, begins, count = await self._strike(
            keys=[self._prefix + key], args=[rule.limit, rule.window, rule.block, rule.longest]
        )
        return Strike(float(blocked), bool(begins), int(count))

    async def blocked_for(self, key: str) -> float:
        return float(await self._blocked(keys=[self._prefix + key]))

    async def blocks(self) -> dict[str, float]:
        found: dict[str, float] = {}
        async for name in self._client.scan_iter(match=f"{self._prefix}*", count=1000):
            key = (name.decode("utf-8") if isinstance(name, bytes) else name).removeprefix(self._prefix)
            if seconds := await self.blocked_for(key):
                found[key] = seconds
        return found

    async def lift(self, key: str) -> bool:
        return bool(await self._client.delete(self._prefix + key))

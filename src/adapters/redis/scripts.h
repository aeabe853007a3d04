// The Lua scripts that Redis runs for the directory, each atomically. See directory.h for the keys they work on.
//
// They read lease keys that are not among KEYS, so they need a Redis server, not a Redis Cluster.
#pragma once

#include <string_view>

namespace simplechat::adapters::redis {

// Applies the changes of one incarnation, in order.
//   KEYS      the users' keys
//   ARGV[1]   the incarnation's field
//   ARGV[2]   prefix of lease keys
//   ARGV[3]   milliseconds for which a user's key lives after a write
//   ARGV[4]   the same where the write left nothing but releases and records of dead incarnations
//   ARGV[5]   fields of a user beyond which dead incarnations' are dropped
//   ARGV[5+i] the change of KEYS[i]: + or -, and the fence as 20 digits, so that its text sorts as its number
inline constexpr std::string_view kApplyScript = R"lua(
local function alive(incarnation, url)
  local lease = redis.call('GET', ARGV[2] .. url)
  return lease and string.match(lease, '^%S+') == incarnation
end

local function drop_dead(key)
  local fields = redis.call('HKEYS', key)
  for _, field in ipairs(fields) do
    local incarnation, url = string.match(field, '^(%S+) (%S+)$')
    if incarnation and field ~= ARGV[1] and not alive(incarnation, url) then redis.call('HDEL', key, field) end
  end
end

local function only_releases(key)
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local incarnation, url = string.match(fields[i], '^(%S+) (%S+)$')
    if not incarnation then return false end
    if string.sub(fields[i + 1], 1, 1) == '+' and alive(incarnation, url) then return false end
  end
  return true
end

for i, key in ipairs(KEYS) do
  local change = ARGV[5 + i]
  local held = redis.call('HGET', key, ARGV[1])
  if not held or string.sub(held, 2) < string.sub(change, 2) then
    redis.call('HSET', key, ARGV[1], change)
    local fields = redis.call('HLEN', key)
    if fields > tonumber(ARGV[5]) then drop_dead(key) end
    local gone = string.sub(change, 1, 1) == '-' and (fields == 1 or only_releases(key))
    redis.call('PEXPIRE', key, gone and ARGV[4] or ARGV[3])
  end
end
return redis.status_reply('OK')
)lua";

// Extends the lease of an incarnation, or opens it, and counts the leases that ended without having been closed.
// Returns the opening, the number of such deaths, and the server's time (as TIME does).
//
// A lease that has ended stays in the set until it is counted: by any renewal, or by the one that takes its place. The
// set does not say whose it was, so the renewal of a run that is late for its own lease counts it as well, as that of
// any other gateway would have. That is one `resync` too many, and rare; the incarnation in the set's members would say
// it, but versions of sv-discover that run side by side would not know each other's.
//   KEYS[1]  the lease's key
//   KEYS[2]  the sorted set of lease keys by the time of their end, in milliseconds
//   KEYS[3]  the number of deaths
//   ARGV[1]  the incarnation and the server's run id, with a space behind each
//   ARGV[2]  the opening to write if there is no such lease
//   ARGV[3]  milliseconds for which it holds
inline constexpr std::string_view kRenewScript = R"lua(
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('GET', KEYS[1])
local ended = 0
if not lease then
  ended = redis.call('ZREM', KEYS[2], KEYS[1])
elseif string.match(lease, '^%S+') ~= string.match(ARGV[1], '^%S+') then
  ended = 1
end
if not lease or string.sub(lease, 1, #ARGV[1]) ~= ARGV[1] then lease = ARGV[1] .. ARGV[2] end
redis.call('SET', KEYS[1], lease, 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now_ms + ARGV[3], KEYS[1])
ended = ended + redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now_ms - 1)
if ended > 0 then redis.call('INCRBY', KEYS[3], ended) end
local deaths = redis.call('GET', KEYS[3])
return {string.sub(lease, #ARGV[1] + 1), deaths or '0', time[1], time[2]}
)lua";

// Ends a lease if it is that incarnation's.
//   KEYS[1]  the lease's key
//   KEYS[2]  the sorted set of lease keys
//   ARGV[1]  the incarnation
inline constexpr std::string_view kCloseScript = R"lua(
local lease = redis.call('GET', KEYS[1])
if lease and string.match(lease, '^%S+') == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], KEYS[1])
end
return redis.status_reply('OK')
)lua";

}  // namespace simplechat::adapters::redis

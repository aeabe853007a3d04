// The Lua scripts that Redis runs for revocations, each atomically. See revocations.cc for the keys they work on.
#pragma once

#include <string_view>

namespace simplechat::adapters::redis {

// Keeps revocations: of a subject that is there the later times count. Returns 'OK', or 'FULL' if more would be kept
// than may; then those before in the call are kept.
//   KEYS[1]  hash: subject -> "<issued until> <kept until>"
//   KEYS[2]  sorted set: subject by the number of its latest change
//   KEYS[3]  sorted set: subject by when it may be forgotten
//   KEYS[4]  hash: "number" of the latest change, "run" of the server and "store": the name of this set of data in that
//            run
//   ARGV[1]  the server's run
//   ARGV[2]  the name of the store, if it has none in this run
//   ARGV[3]  how many subjects may be kept
//   ARGV[i], ARGV[i+1], ARGV[i+2] from 4  subject, issued until, kept until
inline constexpr std::string_view kRevokeScript = R"lua(
if redis.call('HGET', KEYS[4], 'run') ~= ARGV[1] then redis.call('HSET', KEYS[4], 'run', ARGV[1], 'store', ARGV[2]) end
local now = tonumber(redis.call('TIME')[1])
for _, subject in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 1000)) do
  redis.call('HDEL', KEYS[1], subject)
  redis.call('ZREM', KEYS[2], subject)
  redis.call('ZREM', KEYS[3], subject)
end
for i = 4, #ARGV, 3 do
  local subject, issued, kept = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  if kept > now then
    local before = redis.call('HGET', KEYS[1], subject)
    local changed = true
    if before then
      local issued_before, kept_before = string.match(before, '^(%d+) (%d+)$')
      issued_before, kept_before = tonumber(issued_before), tonumber(kept_before)
      changed = issued > issued_before or kept > kept_before
      issued, kept = math.max(issued, issued_before), math.max(kept, kept_before)
    elseif redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then
      return 'FULL'
    end
    if changed then
      redis.call('HSET', KEYS[1], subject, string.format('%.0f %.0f', issued, kept))
      redis.call('ZADD', KEYS[2], redis.call('HINCRBY', KEYS[4], 'number', 1), subject)
      redis.call('ZADD', KEYS[3], string.format('%.0f', kept), subject)
    end
  end
end
return 'OK'
)lua";

// What has changed since a number. Returns the store's name, the number to go on from, '1' if the number asked about is
// not this store's and so all are told, '1' if there are more, and then subject and "<issued until> <kept until>" by
// turns.
//   KEYS     as above
//   ARGV[1]  the server's run
//   ARGV[2]  the name of the store, if it has none in this run
//   ARGV[3]  the store that the number is of
//   ARGV[4]  the number
//   ARGV[5]  how many may be told
inline constexpr std::string_view kRevocationsScript = R"lua(
local state = redis.call('HMGET', KEYS[4], 'run', 'store', 'number')
if state[1] ~= ARGV[1] then
  redis.call('HSET', KEYS[4], 'run', ARGV[1], 'store', ARGV[2])
  state[2] = ARGV[2]
end
local store, latest = state[2], tonumber(state[3] or '0')
local since, max = tonumber(ARGV[4]), tonumber(ARGV[5])
local all = store ~= ARGV[3] or since > latest
if all then since = 0 end
if since == latest then return {store, string.format('%.0f', latest), all and '1' or '0', '0'} end
local now = tonumber(redis.call('TIME')[1])
local found = redis.call('ZRANGEBYSCORE', KEYS[2], string.format('(%.0f', since), '+inf', 'WITHSCORES', 'LIMIT', 0, max)
local more = #found == 2 * max and tonumber(found[#found]) < latest
local answer = {store, string.format('%.0f', more and tonumber(found[#found]) or latest), all and '1' or '0', more and '1' or '0'}
for i = 1, #found, 2 do
  local times = redis.call('HGET', KEYS[1], found[i])
  if times and tonumber(string.match(times, '%d+$')) > now then
    answer[#answer + 1] = found[i]
    answer[#answer + 1] = times
  end
end
return answer
)lua";

}  // namespace simplechat::adapters::redis

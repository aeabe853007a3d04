// The Lua scripts that Redis runs for blocks, each atomically. See blocks.cc for the keys they work on.
#pragma once

#include <string_view>

namespace simplechat::adapters::redis {

// Makes changes, in order. Returns 'OK', 'FULL' if more blocks would be kept than may, or 'FULL <user>' if a user would
// have blocked more than may be; then those before in the call are made.
//   KEYS[1]  sorted set: "<user> <blocked>" by the number of its latest change
//   KEYS[2]  sorted set: of these the ones that are blocked no more, by the time of the removal
//   KEYS[3]  hash: user -> how many he has blocked
//   KEYS[4]  hash: "number" of the latest change, "forgotten": that of the latest removal forgotten, "run" of the
//            server and "store": the name of this set of data in that run
//   ARGV[1]  the server's run
//   ARGV[2]  the name of the store, if it has none in this run
//   ARGV[3]  how many blocks may be kept
//   ARGV[4]  how many of a user
//   ARGV[5]  how many removals are remembered
//   ARGV[6]  for how many seconds
//   ARGV[i], ARGV[i+1], ARGV[i+2] from 7  user, blocked, '1': blocked, '0': no more
inline constexpr std::string_view kBlockScript = R"lua(
if redis.call('HGET', KEYS[4], 'run') ~= ARGV[1] then redis.call('HSET', KEYS[4], 'run', ARGV[1], 'store', ARGV[2]) end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000

local function forget(pairs_gone)
  for _, pair in ipairs(pairs_gone) do
    local number = tonumber(redis.call('ZSCORE', KEYS[1], pair))
    if number > tonumber(redis.call('HGET', KEYS[4], 'forgotten') or '0') then
      redis.call('HSET', KEYS[4], 'forgotten', string.format('%.0f', number))
    end
    redis.call('ZREM', KEYS[1], pair)
    redis.call('ZREM', KEYS[2], pair)
  end
end

local function change(user, blocked, present)
  local pair = user .. ' ' .. blocked
  local removed = redis.call('ZSCORE', KEYS[2], pair)
  local was = not removed and redis.call('ZSCORE', KEYS[1], pair)
  if present and was or not present and removed then return 'OK' end
  if present then
    if tonumber(redis.call('HGET', KEYS[3], user) or '0') >= tonumber(ARGV[4]) then return 'FULL ' .. user end
    if redis.call('ZCARD', KEYS[1]) - redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then return 'FULL' end
    redis.call('ZREM', KEYS[2], pair)
    redis.call('HINCRBY', KEYS[3], user, 1)
  else
    redis.call('ZADD', KEYS[2], string.format('%.6f', now), pair)
    if was and redis.call('HINCRBY', KEYS[3], user, -1) <= 0 then redis.call('HDEL', KEYS[3], user) end
  end
  redis.call('ZADD', KEYS[1], redis.call('HINCRBY', KEYS[4], 'number', 1), pair)
  return 'OK'
end

local outcome = 'OK'
for i = 7, #ARGV, 3 do
  outcome = change(ARGV[i], ARGV[i + 1], ARGV[i + 2] == '1')
  if outcome ~= 'OK' then break end
end
local ended = string.format('%.6f', now - tonumber(ARGV[6]))
forget(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ended, 'LIMIT', 0, 1000))
local beyond = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[5])
if beyond > 0 then forget(redis.call('ZRANGE', KEYS[2], 0, beyond - 1)) end
return outcome
)lua";

// What has changed since a number. Returns the store's name, the number to go on from, the number at which the reading
// from the beginning began, '1' if everything is told from here on, '1' if that is because the number asked about is
// another store's, '1' if there are more; and then user and blocked in one word, and '1' or '0', by turns.
//   KEYS     as above
//   ARGV[1]  the server's run
//   ARGV[2]  the name of the store, if it has none in this run
//   ARGV[3]  the store that the number is of; empty: nothing is known
//   ARGV[4]  the number
//   ARGV[5]  the number at which the reading from the beginning began
//   ARGV[6]  how many may be told
inline constexpr std::string_view kBlocksScript = R"lua(
local state = redis.call('HMGET', KEYS[4], 'run', 'store', 'number', 'forgotten')
if state[1] ~= ARGV[1] then
  redis.call('HSET', KEYS[4], 'run', ARGV[1], 'store', ARGV[2])
  state[2] = ARGV[2]
end
local latest, forgotten = tonumber(state[3] or '0'), tonumber(state[4] or '0')
local since, base, max = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lost = ARGV[3] ~= '' and (ARGV[3] ~= state[2] or since > latest)
local all = ARGV[3] == '' or lost or math.max(since, base) < forgotten
if all then since, base = 0, latest end
local found = {}
if since < latest then
  found = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', since), '+inf', 'WITHSCORES', 'LIMIT', 0, max)
end
local more = #found == 2 * max and tonumber(found[#found]) < latest
local answer = {state[2], string.format('%.0f', more and tonumber(found[#found]) or latest), string.format('%.0f', base),
                all and '1' or '0', lost and '1' or '0', more and '1' or '0'}
for i = 1, #found, 2 do
  local removed = redis.call('ZSCORE', KEYS[2], found[i])
  if not removed or tonumber(found[i + 1]) > base then
    answer[#answer + 1] = found[i]
    answer[#answer + 1] = removed and '0' or '1'
  end
end
return answer
)lua";

}  // namespace simplechat::adapters::redis

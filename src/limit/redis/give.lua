-- Gives back what was taken. Nothing is made that is not there: what was given back is known otherwise then.
--
-- ARGV: for each
--   "r" key field quota window_s costA costB    "q" key milli (below 0: more was used than taken)
--   "c" key name    "k" key name hold_ms        a call under way that has ended, and one that has not
local function text(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function rate(key, i)
  local raw = redis.call('HGET', key, ARGV[i + 2])
  if not raw then return end
  local a, b, at, quota, window = raw:match('^(%d+) (%d+) (%d+) (%d+) (%d+)$')
  -- Units of an edited rate weigh otherwise; they drain.
  if quota ~= ARGV[i + 3] or window ~= ARGV[i + 4] then return end
  a, b = tonumber(a) - tonumber(ARGV[i + 5]), tonumber(b) - tonumber(ARGV[i + 6])
  if b < 0 then a, b = a - 1, b + tonumber(quota) end
  if a < 0 then a, b = 0, 0 end
  redis.call('HSET', key, ARGV[i + 2], text(a) .. ' ' .. text(b) .. ' ' .. at .. ' ' .. quota .. ' ' .. window)
end

local i = 1
while ARGV[i] do
  local kind, key = ARGV[i], KEYS[tonumber(ARGV[i + 1])]
  if kind == 'r' then
    rate(key, i)
    i = i + 7
  elseif kind == 'q' then
    local used = redis.call('GET', key)
    if used then
      redis.call('SET', key, text(math.max(0, tonumber(used) - tonumber(ARGV[i + 2]))), 'KEEPTTL')
    end
    i = i + 3
  elseif kind == 'c' then
    redis.call('ZREM', key, ARGV[i + 2])
    i = i + 3
  else
    local until_us = now + tonumber(ARGV[i + 3]) * 1000
    if redis.call('ZADD', key, 'XX', 'CH', text(until_us), ARGV[i + 2]) == 1 then
      redis.call('PEXPIRE', key, text(tonumber(ARGV[i + 3]) + 1000))
    end
    i = i + 4
  end
end
return 1

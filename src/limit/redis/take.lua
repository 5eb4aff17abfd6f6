-- Takes a call from every limit that counts it, or from none: a refused call writes nothing, however often
-- it comes. All keys lie in one slot.
--
-- ARGV: now ("" for the server's), a name for the call, then for each limit
--   "r" key field quota window_s needA needB wish wishA wishB stepA stepB knownA knownB clamp ttl_ms owedA owedB
--   "q" key full need wish known heard expire_at_s
--   "c" key most hold_ms known
-- where key is a number in KEYS, and amounts of quotas and wishes are thousandths of a unit. A call needs
-- `need`; where the limit has more, `wish` is granted, or what it has.
--
-- A rate's debt is a + b / quota microseconds: the time in which it drains. So it drains by subtraction, and
-- every number here is a whole one below 2^53, which Lua's are exact for: the longest window has 2^45
-- microseconds, and b < quota <= 10^9. `known` is what the caller knows of a counter that is gone, of calls under
-- way its own; `owed` is what it has admitted while it could not ask. Of a quota, `known` is used for certain, so
-- that the counter is raised to it; `heard` is what the counter itself had told, and counts where it is gone: one
-- that is there may be lower, since units were given back.
--
-- Returns 1 or 0 (admitted or not), now, and for each limit how it stood before and what is granted:
--   rate: a, b, at, granted    quota: used, 0, 0, granted    concurrency: calls under way, 0, 0, granted
local LATE, EXACT = 100000, 9007199254740992
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function text(number) return string.format('%.0f', number) end

local function gcd(a, b)
  while b ~= 0 do a, b = b, a % b end
  return a
end

-- The same units taken under an edited rate, rounded up.
local function carried(a, b, quota0, window0, quota, window)
  local gq, gw = gcd(quota0, quota), gcd(window0, window)
  local n, d = quota0 / gq * (window / gw), window0 / gw * (quota / gq)
  local k, r = math.floor(a / d), a % d
  local rest = (r * n) % d / d + b / quota0 * n / d
  a = k * n + math.floor(r * n / d) + math.floor(rest)
  b = math.ceil((rest - math.floor(rest)) * quota - 1e-6)
  if n * d > EXACT or k * n > EXACT then a = a + 1 end
  if b >= quota then a, b = a + 1, 0 end
  return a, math.max(b, 0)
end

-- A rate as it stands now.
local function rate(i, limit)
  local quota, window = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local a, b, at = tonumber(ARGV[i + 12]), tonumber(ARGV[i + 13]), now
  local owed_a, owed_b = tonumber(ARGV[i + 16]), tonumber(ARGV[i + 17])
  local raw = redis.call('HGET', limit.key, ARGV[i + 2])
  limit.news = owed_a > 0 or owed_b > 0 or (not raw and (a > 0 or b > 0))
  if raw then
    local ra, rb, rat, rq, rw = raw:match('^(%d+) (%d+) (%d+) (%d+) (%d+)$')
    a, b, at, rq, rw = tonumber(ra), tonumber(rb), tonumber(rat), tonumber(rq), tonumber(rw)
    local elapsed = now - at
    if elapsed >= a and elapsed >= 0 then
      if elapsed > a or b == 0 then a, b = 0, 0 else a = 0 end
    elseif elapsed > 0 then
      a = a - elapsed
    end
    if elapsed >= 0 or elapsed < -LATE then at = now end
    -- A clock that was put back is gone by from here on, refused or not: else callers wait until it is there again.
    if elapsed < -LATE then limit.news = true end
    if rq ~= quota or rw ~= window then
      limit.news = true
      a, b = carried(a, b, rq, rw, quota, window)
      if ARGV[i + 14] == '1' and a >= window * 1000000 then a, b = window * 1000000, 0 end
    end
    a, b = a + owed_a, b + owed_b
    if b >= quota then a, b = a + 1, b - quota end
    -- Where an answer was lost, it may be told twice: no more than the whole is owed.
    local most = window * 1000000
    if (owed_a > 0 or owed_b > 0) and ARGV[i + 14] == '1' and a >= most then a, b = most, 0 end
  end
  limit.quota, limit.full, limit.a, limit.b, limit.at = quota, window * 1000000, a, b, at
  return a, b, at
end

-- The debt with some more, and whether that is too much.
local function more(limit, ca, cb)
  local a, b = limit.a + ca, limit.b + cb
  if b >= limit.quota then a, b = a + 1, b - limit.quota end
  return a, b, a > limit.full or (a == limit.full and b > 0)
end

local limits, reply, refused = {}, { 1, now }, false
local i = 3
while ARGV[i] do
  local limit = { kind = ARGV[i], key = KEYS[tonumber(ARGV[i + 1])], i = i }
  local x, y, z = 0, 0, 0
  if limit.kind == 'r' then
    x, y, z = rate(i, limit)
    local _, _, over = more(limit, tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6]))
    refused = refused or over
    i = i + 18
  elseif limit.kind == 'q' then
    local raw = redis.call('GET', limit.key)
    x = math.max(tonumber(raw or ARGV[i + 6]), tonumber(ARGV[i + 5]))
    local need = tonumber(ARGV[i + 3])
    refused = refused or (need > 0 and x + need > tonumber(ARGV[i + 2]))
    limit.used, limit.news = x, not raw and x > 0
    i = i + 8
  else
    x = math.max(redis.call('ZCOUNT', limit.key, '(' .. text(now), '+inf'), tonumber(ARGV[i + 4]))
    refused = refused or x >= tonumber(ARGV[i + 2])
    i = i + 5
  end
  limits[#limits + 1] = limit
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = x, y, z, 0
end

local function store(limit, a, b)
  local at = limit.i
  redis.call('HSET', limit.key, ARGV[at + 2], text(a) .. ' ' .. text(b) .. ' ' .. text(limit.at)
    .. ' ' .. ARGV[at + 3] .. ' ' .. ARGV[at + 4])
  local ttl = math.max(tonumber(ARGV[at + 15]), math.ceil(a / 1000) + 1000)
  if redis.call('PTTL', limit.key) < ttl then redis.call('PEXPIRE', limit.key, text(ttl)) end
end

local function keep(limit, used)
  local ttl = math.max(1, tonumber(ARGV[limit.i + 7]) - math.floor(now / 1000000))
  redis.call('SET', limit.key, text(used), 'EX', text(ttl))
end

if refused then
  -- Nothing is taken. What there is to tell is noted: an edit, what is owed, what was lost, a clock put back.
  for _, limit in ipairs(limits) do
    if limit.news and limit.kind == 'r' then
      store(limit, limit.a, limit.b)
    elseif limit.news then
      keep(limit, limit.used)
    end
  end
  reply[1] = 0
  return reply
end

-- Thousandths of a unit that a rate has left, rounded down, and what they cost.
local function left(limit, window_ms)
  local x, y = math.floor(limit.a / window_ms), limit.a % window_ms
  local owed = x * limit.quota + math.ceil((y * limit.quota + limit.b) / window_ms)
  if y * limit.quota >= EXACT then owed = owed + 1 end
  return 1000 * limit.quota - owed
end

local function take_rate(limit)
  local at = limit.i
  local wish, has = tonumber(ARGV[at + 7]), 0
  local granted, a, b, over = wish, more(limit, tonumber(ARGV[at + 8]), tonumber(ARGV[at + 9]))
  if over then
    has = left(limit, tonumber(ARGV[at + 4]) * 1000)
    local step, rest = tonumber(ARGV[at + 10]), tonumber(ARGV[at + 11]) * has
    granted, a, b, over = has, more(limit, has * step + math.floor(rest / limit.quota), rest % limit.quota)
    -- What a call needs fits to the microsecond; what it has left is in whole thousandths.
    local need_a, need_b = more(limit, tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]))
    if over or need_a > a or (need_a == a and need_b > b) then granted, a, b = 0, need_a, need_b end
  end
  store(limit, a, b)
  return granted
end

for n, limit in ipairs(limits) do
  local at, granted = limit.i, 0
  if limit.kind == 'r' then
    granted = take_rate(limit)
  elseif limit.kind == 'q' then
    local full, need, wish = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    granted = math.max(need, math.min(wish, full - limit.used))
    keep(limit, limit.used + granted)
  else
    redis.call('ZREMRANGEBYSCORE', limit.key, '-inf', text(now))
    redis.call('ZADD', limit.key, text(now + tonumber(ARGV[at + 3]) * 1000), ARGV[2])
    redis.call('PEXPIRE', limit.key, text(tonumber(ARGV[at + 3]) + 1000))
  end
  reply[2 + n * 4] = granted
end
return reply

-- account.py in Lua: one script, so that each step is atomic, with the server's time.
--
-- One hash per scope. Numbers are written with 17 digits, which lose nothing; a process that asks has a field
-- "by:<process>" with the four numbers of an Asker. The key goes away by itself an hour after it is needed.
--
-- KEYS[1]: the scope's key. ARGV: the step and its arguments, one of
--   take <process> <tokens> <requests per minute> <tokens per minute>
--   settle <requests> <tokens> <least tokens>
--   pause <seconds>
-- Returns what a take comes to: wait, processes, and the two levels, as text.
-- MINUTE, SLACK, ALMOST, GRACE and PRESENT are defined above, by team.py.

local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local key, step = KEYS[1], ARGV[1]
local account = {at = 0, requests = 0, tokens = 0, pause = 0, rpm = 0, tpm = 0}
local askers, gone, count = {}, {}, 0
local KEPT = 3600
local fields = redis.call('HGETALL', key)
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if string.sub(name, 1, 3) == 'by:' then
    local numbers = {}
    for number in string.gmatch(value, '%S+') do numbers[#numbers + 1] = tonumber(number) end
    askers[string.sub(name, 4)] =
      {seen = numbers[1], since = numbers[2], tokens = numbers[3], till = numbers[4]}
  else
    account[name] = tonumber(value)
  end
end

local function text(number) return string.format('%.17g', number) end
local function capacity(per_minute) return math.max(1, per_minute - SLACK * per_minute / MINUTE) end
local function until_fits(level, per_minute)
  local excess = level - capacity(per_minute)
  if excess > ALMOST then return excess * MINUTE / per_minute end
  return 0
end

if step == 'take' then
  account.rpm, account.tpm = tonumber(ARGV[4]), tonumber(ARGV[5])
end

-- Let the time pass until now.
for who, asker in pairs(askers) do
  if now < account.at or math.max(asker.seen + PRESENT, asker.till) < now then gone[#gone + 1] = who end
end
for _, who in ipairs(gone) do askers[who] = nil end
local passed = math.max(0, now - account.at)
account.at = now
account.requests = math.max(0, account.requests - passed * account.rpm / MINUTE)
account.tokens = math.max(0, account.tokens - passed * account.tpm / MINUTE)
account.pause = math.max(0, account.pause - passed)

local wait, asked = 0, nil
if step == 'take' then
  local who, tokens = ARGV[2], tonumber(ARGV[3])
  if account.pause > 0 then
    wait = account.pause
  else
    local wanted = math.min(tokens, capacity(account.tpm))
    local mine, since = askers[who], now
    if mine and mine.till > now then since = mine.since end
    local requests_before, tokens_before = 0, 0
    for other, asker in pairs(askers) do
      local earlier = asker.since < since or (asker.since == since and other < who)
      if other ~= who and asker.till > now and earlier then
        requests_before = requests_before + 1
        tokens_before = tokens_before + asker.tokens
      end
    end
    wait = math.max(
      until_fits(account.requests + requests_before + 1, account.rpm),
      until_fits(account.tokens + tokens_before + wanted, account.tpm))
    if wait > 0 then
      asked = {seen = now, since = since, tokens = wanted, till = now + wait + GRACE}
    else
      account.requests = account.requests + 1
      account.tokens = account.tokens + tokens
      asked = {seen = now, since = 0, tokens = 0, till = 0}
    end
    askers[who] = asked
  end
elseif step == 'settle' then
  account.requests = math.max(0, account.requests + tonumber(ARGV[2]))
  account.tokens = math.max(0, account.tokens + tonumber(ARGV[3]), tonumber(ARGV[4]))
elseif step == 'pause' then
  account.pause = math.max(account.pause, tonumber(ARGV[2]))
end

if #gone > 0 then
  for i, who in ipairs(gone) do gone[i] = 'by:' .. who end
  redis.call('HDEL', key, unpack(gone))
end
if asked then
  redis.call('HSET', key, 'by:' .. ARGV[2],
    text(asked.seen) .. ' ' .. text(asked.since) .. ' ' .. text(asked.tokens) .. ' ' .. text(asked.till))
end
redis.call('HSET', key, 'at', text(account.at), 'requests', text(account.requests),
  'tokens', text(account.tokens), 'pause', text(account.pause),
  'rpm', text(account.rpm), 'tpm', text(account.tpm))
redis.call('EXPIRE', key, math.ceil(KEPT + account.pause))
for _ in pairs(askers) do count = count + 1 end
return {text(wait), tostring(count), text(account.requests), text(account.tokens)}

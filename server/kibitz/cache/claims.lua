-- Claims: for each key a hash of its owner and of how urgently others wait (0 the most), for a lease.
-- ARGV: step, owner, lease in milliseconds, priority.
local step, me, lease, priority = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- Whose it is, if anybody's. What is no hash, or ends later than any lease, was not made by this script.
local function owner_of(key)
  local left = redis.call('PTTL', key)
  if left < 0 or left > lease then
    return false
  end
  local owner = redis.pcall('HGET', key, 'owner')
  return type(owner) == 'string' and owner
end

local function own(key)
  redis.call('DEL', key)
  redis.call('HSET', key, 'owner', me)
  redis.call('PEXPIRE', key, lease)
end

if step == 'take' then
  local ours = {}
  for number, key in ipairs(KEYS) do
    local owner = owner_of(key)
    if not owner then
      own(key)
    elseif owner ~= me then
      local waiting = tonumber(redis.call('HGET', key, 'waiting'))
      if not waiting or priority < waiting then
        redis.call('HSET', key, 'waiting', priority)
      end
    end
    ours[number] = (not owner or owner == me) and 1 or 0
  end
  return ours
end

if step == 'renew' then
  local most = -1
  for _, key in ipairs(KEYS) do
    local owner = owner_of(key)
    if not owner then
      own(key)
    elseif owner == me then
      redis.call('PEXPIRE', key, lease)
      local waiting = tonumber(redis.call('HGET', key, 'waiting'))
      if waiting and (most < 0 or waiting < most) then
        most = waiting
      end
    end
  end
  return most
end

for _, key in ipairs(KEYS) do
  if owner_of(key) == me then
    redis.call('DEL', key)
  end
end
return 0

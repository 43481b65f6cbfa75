-- Reads answers: for each key that has one, its number (from 0), the milliseconds left to it, and its value.
-- ARGV: the bytes that one may have, and all together. What is larger, has no end or is no string is left out.
local largest, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = {}
for number, key in ipairs(KEYS) do
  local size = redis.pcall('STRLEN', key)
  if type(size) == 'number' and size > 0 and size <= largest and size <= room then
    local left = redis.call('PTTL', key)
    if left > 0 then
      room = room - size
      found[#found + 1] = number - 1
      found[#found + 1] = left
      found[#found + 1] = redis.call('GET', key)
    end
  end
end
return found

-- Makes an owner the holder of a partition, or tells who holds it.
-- KEYS: state, current
-- ARGV: group, generation, member, assignment, number of the claim held before
local group, generation, member, assignment = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local held = redis.call('HMGET', KEYS[1], 'group', 'generation', 'member', 'assignment', 'claim', 'adopted')
for i, default in ipairs({'', '0', '', '0', '0', '0'}) do
  held[i] = held[i] or default
end
-- The same owner may claim again; it keeps its number.
local same = held[1] == group and held[2] == generation and held[3] == member and held[4] == assignment
local function refuse(why)
  return {why, held[1], held[2], held[3], held[4], held[5]}
end
if held[1] ~= '' and not same then
  local theirs, mine = tonumber(held[2]), tonumber(generation)
  if held[1] ~= group then
    return refuse('foreign')
  end
  if tonumber(ARGV[5]) > 0 and tonumber(ARGV[5]) < tonumber(held[6]) then
    return refuse('superseded')
  end
  if theirs > mine then
    return refuse('stale')
  end
  if theirs == mine and held[3] ~= member then
    return refuse('tied')
  end
  if theirs == mine and tonumber(held[4]) > tonumber(assignment) then
    return refuse('stale')
  end
end
if not same then
  redis.call('HINCRBY', KEYS[1], 'claim', '1')
  redis.call('HSET', KEYS[1], 'group', group, 'generation', generation, 'member', member, 'assignment', assignment)
end
return {
  'ok',
  redis.call('HMGET', KEYS[1], 'group', 'generation', 'member', 'assignment', 'claim', 'seq', 'offset', 'epoch', 'log', 'head', 'refs'),
  redis.call('GET', KEYS[2])
}

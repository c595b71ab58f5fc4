-- Makes an owner the holder of a partition, or tells who holds it.
-- KEYS: state, current
-- ARGV: group, generation
local held = redis.call('HMGET', KEYS[1], 'group', 'generation', 'claim')
local group, generation = held[1] or '', held[2] or '0'
if group ~= '' then
  if group ~= ARGV[1] then
    return {'foreign', group, generation, held[3]}
  end
  if tonumber(generation) > tonumber(ARGV[2]) then
    return {'fenced', group, generation, held[3]}
  end
end
-- The same owner may claim again; it keeps its number.
if group ~= ARGV[1] or generation ~= ARGV[2] then
  redis.call('HINCRBY', KEYS[1], 'claim', 1)
  redis.call('HSET', KEYS[1], 'group', ARGV[1], 'generation', ARGV[2])
end
return {
  'ok',
  redis.call('HMGET', KEYS[1], 'group', 'generation', 'claim', 'seq', 'offset', 'epoch', 'head', 'refs'),
  redis.call('GET', KEYS[2])
}

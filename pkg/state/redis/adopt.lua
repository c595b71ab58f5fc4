-- Releases a partition from its group. The next claim, by whomever, succeeds.
-- It counts as a claim, so that the earlier owner is fenced.
-- KEYS: state
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'none'}
end
local number = redis.call('HINCRBY', KEYS[1], 'claim', '1')
redis.call('HSET', KEYS[1], 'group', '', 'generation', '0', 'member', '', 'assignment', '0', 'adopted', number)
return {'ok'}

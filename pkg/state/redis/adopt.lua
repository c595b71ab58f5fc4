-- Releases a partition from its group. The next claim, by whomever, succeeds;
-- its number goes on, so that the earlier owner stays fenced.
-- KEYS: state
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'none'}
end
redis.call('HSET', KEYS[1], 'group', '', 'generation', '0')
return {'ok'}

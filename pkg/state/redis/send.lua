-- Puts an operator's command into the inbox, once.
-- KEYS: state, inbox, ack:<id>
-- ARGV: id, command, 'start' to begin a partition that nobody has claimed yet
if redis.call('EXISTS', KEYS[1]) == 0 then
  if ARGV[3] ~= 'start' then
    return {'none'}
  end
  redis.call('HSET', KEYS[1], 'group', '', 'generation', '0', 'member', '', 'assignment', '0', 'claim', '0')
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  return {'ok'} -- a retry of what is answered already
end
for _, command in ipairs(redis.call('LRANGE', KEYS[2], '0', '-1')) do
  local ok, decoded = pcall(cjson.decode, command)
  if ok and decoded.id == ARGV[1] then
    return {'ok'} -- a retry of what still waits
  end
end
redis.call('RPUSH', KEYS[2], ARGV[2])
return {'ok'}

-- Puts an operator's command into the inbox, once.
-- KEYS: state, inbox, ack:<id>
-- ARGV: id, command
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'none'}
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

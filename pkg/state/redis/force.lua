-- Moves readers to a kept version without the owner of the partition, and gives
-- the owner the command that says so.
-- KEYS: state, v, current, inbox, ack:<id>
-- ARGV: id, command, field of the version in v, pointer, channel, partition
if redis.call('HEXISTS', KEYS[2], ARGV[3]) == 0 then
  return {'none'}
end
if redis.call('EXISTS', KEYS[5]) == 1 then
  return {'ok'} -- a retry of what is answered already
end
-- No save moves the pointer while this is set, but the one that answers it.
redis.call('HSET', KEYS[1], 'forced', ARGV[1])
redis.call('SET', KEYS[3], ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
for _, command in ipairs(redis.call('LRANGE', KEYS[4], '0', '-1')) do
  local ok, decoded = pcall(cjson.decode, command)
  if ok and decoded.id == ARGV[1] then
    return {'ok'} -- a retry of what still waits
  end
end
redis.call('RPUSH', KEYS[4], ARGV[2])
return {'ok'}

-- Lets an uploaded blob wait longer for whoever refers to it. What a save has
-- made permanent stays so.
-- KEYS: of the blob and its chunks; ARGV: seconds
for _, key in ipairs(KEYS) do
  if redis.call('TTL', key) > 0 then
    redis.call('EXPIRE', key, ARGV[1])
  end
end
return {'ok'}

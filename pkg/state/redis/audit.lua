-- Reads a part of the audit chain, with what the state says of its end.
-- KEYS: state, audit
-- ARGV: number of the record before the first one, or minus how many of the newest; limit
local held = redis.call('HMGET', KEYS[1], 'records', 'record', 'mirrored')
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local n = redis.call('LLEN', KEYS[2])
local start = n + after
if after >= 0 then
  start = after - (tonumber(held[1] or '0') - n)
end
start = math.max(0, math.min(n, start))
local records = {}
if limit > 0 then
  records = redis.call('LRANGE', KEYS[2], string.format('%d', start), string.format('%d', start + limit - 1))
end
return {'ok', held[1] or '0', held[2] or '', held[3] or '0', records}

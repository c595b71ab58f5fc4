-- Replaces the state of a partition, if its caller still owns it.
-- KEYS: state, v, current, inbox
-- ARGV: see below; after the named ones, pairs of command id and answer.
-- Numbers stay strings: Lua's are doubles. Only offsets and version numbers
-- are compared by size, and those stay below 2^53.
local prefix, group, generation, claim = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local base, seq, digest = ARGV[5], ARGV[6], ARGV[7]
local offset, epoch, head, refs = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local keep, current, version, manifest = tonumber(ARGV[12]), ARGV[13], ARGV[14], ARGV[15]
local channel, hint = ARGV[16], ARGV[17]
local firstAnswer, ackSeconds = 18, '604800'

local old = redis.call('HMGET', KEYS[1], 'group', 'generation', 'claim', 'seq', 'digest', 'offset', 'refs')
if old[1] ~= group or old[2] ~= generation or old[3] ~= claim then
  return {'fenced', old[1] or '', old[2] or '0', old[3] or '0'}
end
local oldSeq, oldRefs = old[4] or '0', old[7] or ''
if oldSeq == seq and old[5] == digest then
  return {'ok'} -- a retry after a lost reply
end
if oldSeq ~= base then
  return {'base', oldSeq}
end
if tonumber(offset) < tonumber(old[6] or '0') then
  return {'backwards', old[6]}
end

-- used is the set of sums that must stay.
local used = {}
local function use(sum)
  used[sum] = true
  return redis.call('EXISTS', prefix .. 'b:' .. sum) == 1
end
for sum in string.gmatch(refs, '%x+') do
  if not use(sum) then return {'blobs', sum} end
end
if version ~= '' then
  local sum = string.match(version, ':(%x+)$')
  if not use(sum) then return {'blobs', sum} end
end

-- Everything below succeeds as a whole.
redis.call('HSET', KEYS[1], 'seq', seq, 'digest', digest, 'offset', offset, 'epoch', epoch, 'head', head, 'refs', refs)
for sum in pairs(used) do
  redis.call('PERSIST', prefix .. 'b:' .. sum)
end

-- Versions: the newest stay, and the published one whatever its age.
local dropped = {}
if version ~= '' then
  redis.call('HSETNX', KEYS[2], version, manifest)
  if redis.call('GET', KEYS[3]) ~= current then
    redis.call('SET', KEYS[3], current)
    redis.call('PUBLISH', channel, hint)
  end
end
local kept = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  local n, sum = string.match(field, '^(%d+):(%x+)$')
  kept[#kept + 1] = {n = tonumber(n), sum = sum, field = field}
end
table.sort(kept, function(a, b)
  if a.n ~= b.n then return a.n < b.n end
  return a.sum < b.sum
end)
for i, v in ipairs(kept) do
  if version ~= '' and i <= #kept - keep and v.field ~= version then
    redis.call('HDEL', KEYS[2], v.field)
    dropped[#dropped + 1] = v.sum
  else
    used[v.sum] = true
  end
end

-- Blobs that nothing refers to any more.
for sum in string.gmatch(oldRefs, '%x+') do
  dropped[#dropped + 1] = sum
end
for _, sum in ipairs(dropped) do
  if not used[sum] then
    redis.call('UNLINK', prefix .. 'b:' .. sum)
  end
end

-- Operator commands that this save made part of the state.
local done = {}
for i = firstAnswer, #ARGV, 2 do
  done[ARGV[i]] = true
  redis.call('SET', prefix .. 'ack:' .. ARGV[i], ARGV[i + 1], 'EX', ackSeconds)
end
if next(done) then
  for _, command in ipairs(redis.call('LRANGE', KEYS[4], '0', '-1')) do
    local ok, decoded = pcall(cjson.decode, command)
    if ok and done[decoded.id] then
      redis.call('LREM', KEYS[4], '1', command)
    end
  end
end
return {'ok'}

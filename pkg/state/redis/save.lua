-- Replaces the state of a partition, if its caller still owns it.
-- KEYS: state, v, current, inbox, parts, uses
-- ARGV: see below; after the named ones, pairs of command id and answer.
-- Numbers stay strings: Lua's are doubles. Only offsets and version numbers
-- are compared by size, and those stay below 2^53. No blob passes through
-- here, only names: the script takes the same time whatever the model's size.
local prefix, group, generation, claim = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local base, seq, digest = ARGV[5], ARGV[6], ARGV[7]
local offset, epoch, head, refs = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local keep, current, version, manifest, parts = tonumber(ARGV[12]), ARGV[13], ARGV[14], ARGV[15], ARGV[16]
local channel, hint = ARGV[17], ARGV[18]
local firstAnswer, ackSeconds = 19, '604800'

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

-- keysOf lists the keys of a blob: of a large one those of its chunks, too.
local function keysOf(sum)
  local key = prefix .. 'b:' .. sum
  local keys = {key}
  local chunks, tag = string.match(redis.call('GETRANGE', key, '0', '63'), '^SLCHUNKS (%d+) (%x+) ')
  for i = 0, tonumber(chunks or '0') - 1 do
    keys[#keys + 1] = key .. ':' .. tag .. ':' .. i
  end
  return keys
end

-- kept is the set of sums that the stored save refers to, used that of this one.
local kept, used, fresh = {}, {}, {}
for sum in string.gmatch(oldRefs, '%x+') do
  kept[sum] = true
end
local function use(sum)
  if used[sum] then
    return true
  end
  used[sum] = true
  if kept[sum] then
    return redis.call('EXISTS', prefix .. 'b:' .. sum) == 1
  end
  local keys = keysOf(sum)
  for _, key in ipairs(keys) do
    if redis.call('EXISTS', key) == 0 then
      return false
    end
    fresh[#fresh + 1] = key
  end
  return true
end
for sum in string.gmatch(refs, '%x+') do
  if not use(sum) then return {'blobs', sum} end
end
local needs = {} -- of the published version
if version ~= '' then
  needs[1] = string.match(version, ':(%x+)$')
  for sum in string.gmatch(parts, '%x+') do
    needs[#needs + 1] = sum
  end
  for _, sum in ipairs(needs) do
    if not use(sum) then return {'blobs', sum} end
  end
end

-- Everything below succeeds as a whole.
redis.call('HSET', KEYS[1], 'seq', seq, 'digest', digest, 'offset', offset, 'epoch', epoch, 'head', head, 'refs', refs)
for _, key in ipairs(fresh) do
  redis.call('PERSIST', key)
end

-- Versions: the newest stay, and the published one whatever its age. uses
-- counts for each blob the kept versions that need it.
local dropped = {}
if version ~= '' then
  if redis.call('HSETNX', KEYS[2], version, manifest) == 1 then
    for _, sum in ipairs(needs) do
      redis.call('HINCRBY', KEYS[6], sum, '1')
    end
    if parts ~= '' then
      redis.call('HSET', KEYS[5], version, parts)
    end
  end
  if redis.call('GET', KEYS[3]) ~= current then
    redis.call('SET', KEYS[3], current)
    redis.call('PUBLISH', channel, hint)
  end
end
local function release(sum)
  if redis.call('HINCRBY', KEYS[6], sum, '-1') <= 0 then
    redis.call('HDEL', KEYS[6], sum)
    dropped[#dropped + 1] = sum
  end
end
if version ~= '' and redis.call('HLEN', KEYS[2]) > keep then
  local versions = {}
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    local n, sum = string.match(field, '^(%d+):(%x+)$')
    versions[#versions + 1] = {n = tonumber(n), sum = sum, field = field}
  end
  table.sort(versions, function(a, b)
    if a.n ~= b.n then return a.n < b.n end
    return a.sum < b.sum
  end)
  for i = 1, #versions - keep do
    local v = versions[i]
    if v.field ~= version then
      release(v.sum)
      for sum in string.gmatch(redis.call('HGET', KEYS[5], v.field) or '', '%x+') do
        release(sum)
      end
      redis.call('HDEL', KEYS[2], v.field)
      redis.call('HDEL', KEYS[5], v.field)
    end
  end
end

-- Blobs that nothing refers to any more.
for sum in pairs(kept) do
  dropped[#dropped + 1] = sum
end
for _, sum in ipairs(dropped) do
  if not used[sum] and redis.call('HEXISTS', KEYS[6], sum) == 0 then
    redis.call('UNLINK', unpack(keysOf(sum)))
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

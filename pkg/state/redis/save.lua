-- Replaces the state of a partition, if its caller still owns it.
-- KEYS: state, v, current, inbox, parts, uses, marks, audit
-- ARGV: see below; after the named ones, for each version to keep its field in
-- v, its JSON and its parts (the published one first), then the audit chain with
-- hash and bytes of each record, then pairs of command id and answer.
-- Numbers stay strings: Lua's are doubles. Only offsets and version numbers
-- are compared by size, and those stay below 2^53. No blob passes through
-- here, only names: the script takes the same time whatever the model's size.
local prefix, group, generation, claim = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local base, seq, digest = ARGV[5], ARGV[6], ARGV[7]
local offset, epoch, head, refs = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local keep, keepFor, current, marks, marked = tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14], ARGV[15], ARGV[16]
local channel, hint, log, rewind, versions = ARGV[17], ARGV[18], ARGV[19], ARGV[20], tonumber(ARGV[21])
local firstVersion = 22
local firstAudit = firstVersion + 3 * versions
local auditFrom, auditSum, auditForce, auditKeep, mirrored = ARGV[firstAudit], ARGV[firstAudit + 1], ARGV[firstAudit + 2], ARGV[firstAudit + 3], ARGV[firstAudit + 4]
local firstRecord, records = firstAudit + 6, tonumber(ARGV[firstAudit + 5])
local firstAnswer, ackSeconds = firstRecord + 2 * records, '604800'

local old = redis.call('HMGET', KEYS[1], 'group', 'generation', 'claim', 'seq', 'digest', 'offset', 'refs', 'forced', 'records', 'record', 'member', 'assignment')
local member, assignment = old[11] or '', old[12] or '0'
-- claim is the number, the assignment and the member, which may hold spaces.
if old[1] ~= group or old[2] ~= generation or (old[3] or '0') .. ' ' .. assignment .. ' ' .. member ~= claim then
  return {'fenced', old[1] or '', old[2] or '0', member, assignment, old[3] or '0'}
end
local oldSeq, oldRefs = old[4] or '0', old[7] or ''
if oldSeq == seq and old[5] == digest then
  return {'ok'} -- a retry after a lost reply
end
if oldSeq ~= base then
  return {'base', oldSeq}
end
if tonumber(offset) < tonumber(old[6] or '0') and rewind ~= '1' then
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
local named = {} -- sums that the new state refers to
for sum in string.gmatch(refs, '%x+') do
  named[sum] = true
  if not use(sum) then return {'blobs', sum} end
end
local stays = {} -- fields of v that are not dropped
local needs = {} -- blobs of each version to keep
for i = 1, versions do
  local at = firstVersion + 3 * (i - 1)
  stays[ARGV[at]] = true
  needs[i] = {string.match(ARGV[at], ':(%x+)$')}
  for sum in string.gmatch(ARGV[at + 2], '%x+') do
    needs[i][#needs[i] + 1] = sum
  end
  for _, sum in ipairs(needs[i]) do
    if not use(sum) then return {'blobs', sum} end
  end
end
local done = {}
for i = firstAnswer, #ARGV, 2 do
  done[ARGV[i]] = true
end

-- The audit chain must end within the records that are given; skip is how
-- many of them it has. A number of the chain has no fraction below 2^53.
local skip, auditEnd = 0, ''
if auditFrom ~= '' then
  local length, from = tonumber(old[9] or '0'), tonumber(auditFrom)
  local function sumAt(i)
    return i == 0 and auditSum or ARGV[firstRecord + 2 * (i - 1)]
  end
  skip = length - from
  local meets = skip >= 0 and skip <= records and sumAt(skip) == (old[10] or string.rep('0', 64))
  if not meets and auditForce ~= '1' then
    return {'audit', old[9] or '0', old[10] or string.rep('0', 64)}
  end
  skip, auditEnd = math.max(0, math.min(skip, records)), sumAt(records)
end

-- Everything below succeeds as a whole.
redis.call('HSET', KEYS[1], 'seq', seq, 'digest', digest, 'offset', offset, 'epoch', epoch, 'log', log, 'head', head, 'refs', refs)
for _, key in ipairs(fresh) do
  redis.call('PERSIST', key)
end

-- Versions. uses counts for each blob the kept versions that need it. A version
-- that is kept already keeps its parts: others that this save names may go.
local dropped = {}
for i = 1, versions do
  local at = firstVersion + 3 * (i - 1)
  if redis.call('HSETNX', KEYS[2], ARGV[at], ARGV[at + 1]) == 1 then
    for _, sum in ipairs(needs[i]) do
      redis.call('HINCRBY', KEYS[6], sum, '1')
    end
    if ARGV[at + 2] ~= '' then
      redis.call('HSET', KEYS[5], ARGV[at], ARGV[at + 2])
    end
  else
    for _, sum in ipairs(needs[i]) do
      dropped[#dropped + 1] = sum
    end
  end
end
-- Readers that were moved by force stay where they are until the command is answered.
local forced, moved = old[8] or '', false
if done[forced] then
  redis.call('HDEL', KEYS[1], 'forced')
  forced = ''
end
if versions > 0 then
  local served = redis.call('GET', KEYS[3])
  if forced ~= '' then
    local n, sum = string.match(served, '^{"n":(%d+),"sha256":"(%x+)"')
    stays[n .. ':' .. sum] = true
  elseif served ~= current then
    redis.call('SET', KEYS[3], current)
    moved = true
  end
  if (redis.call('GET', KEYS[7]) or '') ~= marks then
    if marks == '' then redis.call('DEL', KEYS[7]) else redis.call('SET', KEYS[7], marks) end
    moved = true
  end
end
if moved then
  redis.call('PUBLISH', channel, hint)
end

-- What goes: all but the newest keep; but of older ones the first in each
-- keep-th part of keepFor stays. state.Retain is the same rule.
local function release(sum)
  if redis.call('HINCRBY', KEYS[6], sum, '-1') <= 0 then
    redis.call('HDEL', KEYS[6], sum)
    dropped[#dropped + 1] = sum
  end
end
if versions > 0 and redis.call('HLEN', KEYS[2]) > keep then
  for field in string.gmatch(marked, '%S+') do
    stays[field] = true
  end
  local list, newest = {}, -math.huge
  local all = redis.call('HGETALL', KEYS[2])
  for i = 1, #all, 2 do
    local n, sum = string.match(all[i], '^(%d+):(%x+)$')
    local created = tonumber(string.match(all[i + 1], '"created":(-?%d+)'))
    list[#list + 1] = {n = tonumber(n), sum = sum, field = all[i], created = created}
    newest = math.max(newest, created)
  end
  table.sort(list, function(a, b)
    if a.n ~= b.n then return a.n < b.n end
    return a.sum < b.sum
  end)
  local width, seen = math.max(1, math.floor(keepFor / keep)), {}
  for i = 1, #list - keep do
    local v = list[i]
    local stay = stays[v.field]
    if keepFor > 0 and v.created > newest - keepFor then
      local slot = math.floor(v.created / width)
      stay = stay or not seen[slot]
      seen[slot] = true
    end
    if not stay then
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
  if not named[sum] and redis.call('HEXISTS', KEYS[6], sum) == 0 then
    -- Freeing the chunks of a large blob takes Redis a while, so they go one
    -- after the other, by expiry.
    for i, key in ipairs(keysOf(sum)) do
      if i == 1 then
        redis.call('UNLINK', key)
      else
        redis.call('PEXPIRE', key, 10 * i)
      end
    end
  end
end

if auditFrom ~= '' then
  for i = skip + 1, records do
    redis.call('RPUSH', KEYS[8], ARGV[firstRecord + 2 * i - 1])
  end
  if auditKeep ~= '0' then
    redis.call('LTRIM', KEYS[8], '-' .. auditKeep, '-1')
  end
  redis.call('HSET', KEYS[1], 'records', string.format('%d', tonumber(auditFrom) + records), 'record', auditEnd, 'mirrored', mirrored)
end

-- Operator commands that this save made part of the state.
for i = firstAnswer, #ARGV, 2 do
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

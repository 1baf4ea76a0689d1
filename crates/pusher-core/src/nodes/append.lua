-- Appends publishes to the log.
--
-- KEYS: the log (a stream), its state (a hash), the nodes (a sorted set), the last batch of the node's run (a string)
-- ARGV: 1 prefix of the other keys, 2 this node, 3 number of the batch, 4 epoch to begin if one must begin,
--       5 epoch that this node knows, 6 last sequence number that it knows in that epoch, 7 its last trimmed number,
--       8 most entries of the log, 9 memory of ids in ms, 10 text of a probe or "",
--       then for each publish: topic, event, id or "", recipients or ""
-- Fails with STATE if the state is damaged: anybody with access to Redis can write it.
-- Returns: epoch, last sequence number, number of nodes, and for each publish: its epoch, its sequence number, and its
--       subscribers at other nodes. If the epoch to begin is not above the known one, returns the known one alone.
local log, state, nodes, last_batch = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, node, batch, next_epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known_epoch, known_top, trimmed = ARGV[5], tonumber(ARGV[6]), ARGV[7]
local entries_max, id_memory_ms, probe = ARGV[8], ARGV[9], ARGV[10]
local FIRST, WIDTH = 11, 4

-- Sequence numbers that are skipped when an epoch begins. No node has read so far beyond another one.
local EPOCH_GAP = 2097152
-- The largest number of 64 bits has one digit more, so there are larger epochs.
local EPOCH_DIGITS = 19
-- Lua's numbers are exact up to twice as much.
local SEQUENCE_MAX = 4503599627370496
-- Longer than a kernel tries to deliver the data of a closed connection.
local BATCH_MEMORY_MS = 600000

local function text(number)
    return string.format('%.0f', number)
end

-- Epochs are decimal numbers of 64 bits, which Lua's numbers cannot hold.
local function is_above(a, b)
    if #a ~= #b then
        return #a > #b
    end
    return a > b
end

-- The connection may have broken before the reply: then the node sends the batch again. The first copy may arrive even
-- behind later batches, when the network works again. Nobody waits for its reply.
local done = redis.call('GET', last_batch)
if done then
    local number, reply = string.match(done, '^(%d+) (.*)$')
    if number == batch then
        return cmsgpack.unpack(reply)
    end
    if tonumber(number) > tonumber(batch) then
        return redis.error_reply('STALE a later batch of this node was appended')
    end
end

local server = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local found = redis.pcall('HMGET', state, 'epoch', 'sequence', 'server')
local is_hash = not (found.err and string.find(found.err, 'WRONGTYPE', 1, true))
if is_hash and found.err then
    return found
end

local function is_valid(epoch, sequence)
    local is_epoch = not epoch or (#epoch <= EPOCH_DIGITS and string.find(epoch, '^[1-9]%d*$'))
    local is_number = #sequence <= #text(SEQUENCE_MAX) and string.find(sequence, '^%d+$')
    return is_epoch and is_number and tonumber(sequence) <= SEQUENCE_MAX
end

if not is_hash or not is_valid(found[1], found[2] or '0') then
    return redis.error_reply('STATE ' .. state .. ' is damaged: delete it, and a new epoch begins')
end
local epoch, top = found[1], tonumber(found[2] or '0')

-- Returns false if the epoch to begin is not above the last one.
local function begin_epoch()
    if epoch and not is_above(next_epoch, epoch) then
        return false
    end
    epoch = next_epoch
    top = math.max(top, known_top)
    if top > 0 then
        top = top + EPOCH_GAP
    end
    if top > SEQUENCE_MAX then
        -- Then the sessions end, and their clients hear of the epoch when they come back.
        top = 0
    end
    redis.call('UNLINK', log)
    redis.call('HSET', state, 'epoch', epoch, 'server', server)
    return true
end

-- Another server process, or older data: numbers that were given out may be missing.
if not epoch or found[3] ~= server or (epoch == known_epoch and top < known_top) then
    if not begin_epoch() then
        return { epoch }
    end
end

local time = redis.call('TIME')
local now_ms = text(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
local living = redis.call('ZRANGEBYSCORE', nodes, now_ms, '+inf')

-- A batch often has many events of one topic.
local counted = {}
local function subscribers_at_others(topic)
    if counted[topic] then
        return counted[topic]
    end
    local sum = 0
    for _, other in ipairs(living) do
        if other ~= node then
            sum = sum + (tonumber(redis.call('HGET', prefix .. 'topics:' .. other, topic)) or 0)
        end
    end
    counted[topic] = sum
    return sum
end

local function add(call, ...)
    return call('XADD', log, 'MAXLEN', '~', entries_max, epoch .. '-' .. text(top + 1), 'm', now_ms, ...)
end

-- Appends an entry. Returns false, before anything is written, if an epoch must begin and the one to begin is too low.
local function append(...)
    local added = add(redis.pcall, ...)
    if type(added) == 'table' then
        -- Somebody else has appended entries, maybe up to the last possible id.
        local is_behind = string.find(added.err, 'equal or smaller', 1, true)
            or string.find(added.err, 'exhausted', 1, true)
        if is_behind and not begin_epoch() then
            return false
        end
        -- Other errors are raised again.
        add(redis.call, ...)
    end
    top = top + 1
    return true
end

local reply = { '', '', #living }
for first = FIRST, #ARGV, WIDTH do
    local topic, event, id, recipients = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3]
    local id_key = prefix .. 'id:' .. #topic .. ':' .. topic .. id
    local known = id ~= '' and redis.call('GET', id_key)
    if known then
        local its_epoch, its_sequence = string.match(known, '^(%d+)-(%d+)$')
        table.insert(reply, its_epoch)
        table.insert(reply, its_sequence)
    else
        local appended
        if recipients == '' then
            appended = append('t', topic, 'e', event)
        else
            appended = append('t', topic, 'e', event, 'r', recipients)
        end
        if not appended then
            return { epoch }
        end
        if id ~= '' then
            redis.call('SET', id_key, epoch .. '-' .. text(top), 'PX', id_memory_ms)
        end
        table.insert(reply, epoch)
        table.insert(reply, text(top))
    end
    table.insert(reply, subscribers_at_others(topic))
end
if probe ~= '' and not append('p', probe) then
    return { epoch }
end
redis.call('HSET', state, 'sequence', text(top))
if trimmed ~= '0' and epoch == known_epoch then
    redis.call('XTRIM', log, 'MINID', '~', epoch .. '-' .. trimmed)
end
reply[1], reply[2] = epoch, text(top)
redis.call('SET', last_batch, batch .. ' ' .. cmsgpack.pack(reply), 'PX', BATCH_MEMORY_MS)
return reply

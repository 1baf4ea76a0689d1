-- Records which users are at a node, for one topic.
--
-- KEYS: the members of the topic (a hash), the number of the last call of the node's run (a string)
-- ARGV: 1 this node, 2 number of this call, 3 lease in ms, 4 "1" to remove users whose leases have ended, or "0", then for each
--       user: sub, info or "", "1" if the user is at this node, or "0", time at which the ticket with this info was signed
-- Returns: number of members, and for each user that has joined or left at all nodes: sub, info or "", "1" or "0", and the
--       number of members then
local members, last_call = KEYS[1], KEYS[2]
local node, call, lease_ms, sweeps = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local FIRST, WIDTH = 5, 4

-- A call whose connection broke may arrive behind later ones. Users who have left meanwhile would be members again.
if (tonumber(redis.call('GET', last_call) or '0') or 0) >= call then
    return redis.error_reply('STALE a later call of this node came first')
end
redis.call('SET', last_call, ARGV[2], 'PX', 2 * lease_ms)

local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- The nodes at which a user is, with the ends of their leases. Empty if the text is none of this script's.
local function read(text)
    local is_read, user = pcall(cmsgpack.unpack, text or '')
    if not is_read or type(user) ~= 'table' or type(user.nodes) ~= 'table' then
        return { info = '', signed = 0, nodes = {} }
    end
    for other, ends_ms in pairs(user.nodes) do
        if type(ends_ms) ~= 'number' or ends_ms <= now_ms then
            user.nodes[other] = nil
        end
    end
    return user
end

local changes = {}
local function changed(sub, info, is_here, count)
    for _, value in ipairs({ sub, info, is_here, count or redis.call('HLEN', members) }) do
        table.insert(changes, value)
    end
end

for first = FIRST, #ARGV, WIDTH do
    local sub, info, is_here = ARGV[first], ARGV[first + 1], ARGV[first + 2]
    local signed = tonumber(ARGV[first + 3])
    local found = redis.call('HGET', members, sub)
    local user = read(found)
    local has_info = false
    if is_here == '1' then
        -- Of two nodes with different tickets, the one that was signed last counts.
        if not found or signed > (tonumber(user.signed) or 0) then
            has_info = found and user.info ~= info
            user.info, user.signed = info, signed
        end
        user.nodes[node] = now_ms + lease_ms
    else
        user.nodes[node] = nil
    end
    if next(user.nodes) then
        redis.call('HSET', members, sub, cmsgpack.pack(user))
        if has_info then
            changed(sub, '', '0', redis.call('HLEN', members) - 1)
        end
        if has_info or not found then
            changed(sub, info, '1')
        end
    elseif found then
        redis.call('HDEL', members, sub)
        changed(sub, '', '0')
    end
end
if sweeps then
    local all = redis.call('HGETALL', members)
    for index = 1, #all, 2 do
        if not next(read(all[index + 1]).nodes) then
            redis.call('HDEL', members, all[index])
            changed(all[index], '', '0')
        end
    end
end
redis.call('PEXPIRE', members, 2 * lease_ms)
return { redis.call('HLEN', members), changes }

-- Returns who is subscribed to a topic: the number of members, and for each of the first: sub, and info or "".
--
-- KEYS: the members of the topic (a hash)
-- ARGV: 1 most members to return
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local count, list = 0, {}
local all = redis.call('HGETALL', KEYS[1])
for index = 1, #all, 2 do
    local is_read, user = pcall(cmsgpack.unpack, all[index + 1])
    local is_here = false
    if is_read and type(user) == 'table' and type(user.nodes) == 'table' then
        for _, ends_ms in pairs(user.nodes) do
            is_here = is_here or (type(ends_ms) == 'number' and ends_ms > now_ms)
        end
    end
    if is_here then
        count = count + 1
        if count <= tonumber(ARGV[1]) then
            table.insert(list, all[index])
            table.insert(list, type(user.info) == 'string' and user.info or '')
        end
    end
end
return { count, list }

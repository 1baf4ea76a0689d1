-- Saves the positions of a client, unless a later session of the client has saved some.
--
-- KEYS: the client
-- ARGV: number of the session, the positions, their memory in ms
local known = redis.call('GET', KEYS[1])
local session = known and tonumber(string.match(known, '^%d+') or '0') or 0
if session <= tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
end

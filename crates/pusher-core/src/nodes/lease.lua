-- Renews the lease of a node, and forgets the nodes whose leases have ended.
--
-- KEYS: the nodes (a sorted set of ends in ms), the topics of this node (a hash, whose field "" marks that it is complete)
-- ARGV: this node, length of the lease in ms
-- Returns: whether the topics are complete, and the nodes.
local nodes, topics = KEYS[1], KEYS[2]
local node, lease_ms = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number)
    return string.format('%.0f', number)
end
redis.call('ZREMRANGEBYSCORE', nodes, '-inf', '(' .. text(now_ms))
redis.call('ZADD', nodes, text(now_ms + lease_ms), node)
redis.call('PEXPIRE', topics, lease_ms)
return { redis.call('HEXISTS', topics, ''), redis.call('ZRANGE', nodes, 0, -1) }

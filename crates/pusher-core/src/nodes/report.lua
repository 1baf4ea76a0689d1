-- Records the numbers of subscribers at a node.
--
-- KEYS: the topics of the node (a hash), the number of the last report of the node's run (a string)
-- ARGV: 1 number of this report, 2 lease in ms, 3 "1" if no topic of an earlier report counts, or "0", 4 "1" if Redis has all
--       topics then, or "0", and for each topic: its name, and the number of its subscribers
local topics, last_report = KEYS[1], KEYS[2]
local report, lease_ms, begins, ends = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1', ARGV[4] == '1'
local FIRST, WIDTH = 5, 2

-- A report whose connection broke may arrive behind later ones. Its numbers are old.
if (tonumber(redis.call('GET', last_report) or '0') or 0) >= report then
    return redis.error_reply('STALE a later report of this node came first')
end
redis.call('SET', last_report, ARGV[1], 'PX', lease_ms)
if begins then
    redis.call('DEL', topics)
end
for first = FIRST, #ARGV, WIDTH do
    if ARGV[first + 1] == '0' then
        redis.call('HDEL', topics, ARGV[first])
    else
        redis.call('HSET', topics, ARGV[first], ARGV[first + 1])
    end
end
-- The field "" marks that the topics are complete.
if ends then
    redis.call('HSET', topics, '', 1)
end
redis.call('PEXPIRE', topics, lease_ms)

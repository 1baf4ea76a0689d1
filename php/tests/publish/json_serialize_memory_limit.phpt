--TEST--
memory_limit in jsonSerialize() ends the script and leaves the connection usable
--INI--
memory_limit=16M
display_errors=1
html_errors=0
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

class Greedy implements JsonSerializable
{
    public function jsonSerialize(): mixed
    {
        return str_repeat('x', 64 << 20);
    }
}

$server = new FakePushd('answers');
register_shutdown_function(function () use ($server) {
    echo Pusher::publish('kittens', 'after')->sequence, "\n";
});
echo Pusher::publish('kittens', 'before')->sequence, "\n";
Pusher::publish('kittens', ['a' => str_repeat('x', 1000), 'b' => new Greedy()]);
echo "not reached\n";
?>
--EXPECTF--
1

Fatal error: Allowed memory size of 16777216 bytes exhausted%S(tried to allocate %d bytes) in %s on line %d
2

--TEST--
exit() in jsonSerialize() ends the script, sends nothing and leaves the connection usable
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

class Leaving implements JsonSerializable
{
    public function jsonSerialize(): mixed
    {
        exit("leaving\n");
    }
}

$server = new FakePushd('answers');
register_shutdown_function(function () use ($server) {
    echo Pusher::publish('kittens', 'after')->sequence, "\n";
});
echo Pusher::publish('kittens', 'before')->sequence, "\n";
Pusher::publish('kittens', ['a' => str_repeat('x', 1000), 'b' => new Leaving()]);
echo "not reached\n";
?>
--EXPECT--
1
leaving
2

--TEST--
User code during the encoding of many events may publish, throw, change the events and exit
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

class Running implements JsonSerializable
{
    public function __construct(private Closure $code) {}

    public function jsonSerialize(): mixed
    {
        return ($this->code)();
    }
}

function running(Closure $code): array
{
    return ['kittens', ['before', new Running($code), 'after']];
}

ini_set('pusher.timeout_ms', 10_000);
$server = new FakePushd('answers');
$pusher = new Pusher();
$plain = ['kittens', str_repeat('x', 100)];

// Its own event is sent first.
echo $pusher->sendMany([$plain, running(fn () => Pusher::publish('kittens', 'inner')->sequence)])[1]->sequence, "\n";

try {
    $pusher->sendMany([$plain, running(fn () => throw new LogicException('mine')), $plain]);
} catch (LogicException $e) {
    echo $e->getMessage(), "\n";
}

// What it takes away is there all the same.
$event = running(function () use (&$event, &$events, &$data) {
    $event = $events = $data = null;
    return str_repeat('y', 100);
});
$data = [new Running(function () use (&$data) { $data = null; return 1; }), str_repeat('z', 100)];
$category = str_repeat('c', 100);
$events = [&$event, [&$category, &$data], ['kittens', &$data], $plain];
echo count(array_filter($pusher->sendMany($events))), "\n";
var_dump($event, $events, $data);

register_shutdown_function(function () use ($pusher, $plain) {
    echo $pusher->sendMany([$plain, $plain])[1]->sequence, "\n";
});
$pusher->sendMany([$plain, running(fn () => exit("exit\n")), $plain]);
echo "not reached\n";
?>
--EXPECT--
3
mine
4
NULL
NULL
NULL
exit
9

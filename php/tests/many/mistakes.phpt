--TEST--
A mistake in one of many events throws, and none is sent
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/said.inc';

$server = new FakePushd('answers');
$pusher = new Pusher();
$good = ['kittens', 1];
foreach ([
    [$good, ['', 1]],
    [$good, 'x' => ["\xff", 1]],
    [$good, "\xff" => [str_repeat('x', 1025), 1]],
    [$good, ['kittens', NAN]],
    [$good, ['kittens', 1, '']],
    [$good, ['kittens', 1, "\xff"]],
    [$good, ['kittens', str_repeat('x', 3 << 20)]],
    [$good, 'kittens'],
    [$good, ['kittens']],
    [$good, ['kittens', 1, 'id', 1]],
    [$good, ['category' => 'kittens', 'data' => 1]],
    [$good, [1 => 'kittens', 2 => 1]],
    [$good, "\0\x1b\n'é" => [1.5, 1]],
    [$good, [null, 1]],
    [$good, ['kittens', 1, true]],
    [$good, [new stdClass(), 1]],
    array_fill(0, 1001, $good),
    array_fill(0, 5, ['kittens', str_repeat('x', 1_000_000)]),
] as $events) {
    foreach (['silent', 'exception'] as $mode) {
        ini_set('pusher.on_failure', $mode);
        try {
            var_dump($pusher->sendMany($events));
        } catch (Throwable $e) {
            $mode === 'silent' && print($e::class . " {$e->getCode()}: {$e->getMessage()}\n");
            $e->getFile() === __FILE__ || print("thrown in {$e->getFile()}\n");
        }
    }
}
try {
    $pusher->sendMany('kittens');
} catch (TypeError $e) {
    echo said($e), "\n";
}
// The first that arrives.
echo $pusher->sendMany([$good])[0]->sequence, "\n";
?>
--EXPECT--
PusherException -2: event 1: the event was not published: the topic is empty
PusherException -2: event "x": the event was not published: the category is not valid UTF-8
PusherException -2: event "\xff": the event was not published: the topic is 1025 bytes long, at most 1024 are allowed
PusherException -3: event 1: the event was not published: the data can't be encoded as JSON: Inf and NaN cannot be JSON encoded
PusherException -1: event 1: the event was not published: the id is empty
PusherException -1: event 1: the event was not published: the id is not valid UTF-8
PusherException -4: event 1: the event was not published: the event is 3145730 bytes long, at most 3145728 are allowed
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 1 is none
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 1 is none
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 1 is none
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 1 is none
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 1 is none
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event "\x00\x1b\n\'\xc3\xa9" is none
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 1 is none
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 1 is none
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 1 is none
PusherException -4: a batch takes at most 1000 events, and 4194304 bytes of all together
PusherException -4: event 4: a batch takes at most 1000 events, and 4194304 bytes of all together
Pusher::sendMany(): Argument #1 ($events) must be of type array, string given
1

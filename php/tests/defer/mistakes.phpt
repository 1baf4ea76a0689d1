--TEST--
A mistake throws at the call, and data is encoded at the call, not at the end
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/said.inc';

class Throwing implements JsonSerializable
{
    public function jsonSerialize(): mixed
    {
        throw new LogicException('mine');
    }
}

$server = new FakePushd('answers');
foreach ([
    fn () => Pusher::defer('', 1),
    fn () => Pusher::defer("\xff", 1),
    fn () => Pusher::defer('kittens', NAN),
    fn () => Pusher::defer('kittens', str_repeat('x', 3 << 20)),
    fn () => Pusher::defer('kittens', 1, ''),
    fn () => Pusher::defer('kittens', new Throwing()),
    fn () => Pusher::defer('kittens'),
    fn () => Pusher::defer([], 1),
    fn () => ini_set('pusher.address', 'nowhere') . Pusher::defer('kittens', 1),
] as $attempt) {
    try {
        var_dump($attempt());
    } catch (Throwable $e) {
        echo $e::class, " {$e->getCode()}: ", said($e), "\n";
    }
}
ini_set('pusher.address', $server->address);
ini_set('pusher.on_failure', 'silent');
// The first that arrives, and what comes of the call.
var_dump(Pusher::publish('kittens', 1)->sequence, Pusher::defer('kittens', 2));
?>
--EXPECT--
PusherException -2: the event was not published: the topic is empty
PusherException -2: the event was not published: the category is not valid UTF-8
PusherException -3: the event was not published: the data can't be encoded as JSON: Inf and NaN cannot be JSON encoded
PusherException -4: the event was not published: the event is 3145730 bytes long, at most 3145728 are allowed
PusherException -1: the event was not published: the id is empty
LogicException 0: mine
ArgumentCountError 0: Pusher::defer() expects at least 2 arguments, 1 given
TypeError 0: Pusher::defer(): Argument #1 ($category) must be of type string, array given
PusherException -5: pusher.address: "nowhere" is not an address of pushd: the port is missing, as in 127.0.0.1:5555
int(1)
NULL

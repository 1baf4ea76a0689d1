--TEST--
A failure that may pass is spooled, and a refusal is not
--INI--
pusher.retry_ms=0
pusher.on_failure=exception
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/spool.inc';

foreach ([
    'closes', 'overloaded', 'log unavailable', 'says goodbye at once', 'hangs',
    'refuses', 'refuses oddly', 'too large', 'garbage', 'answers another',
] as $behaviour) {
    $spool = new SpoolDirectory();
    if ($behaviour === 'hangs') {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        ini_set('pusher.address', 'tcp://' . stream_socket_get_name($server, false));
        ini_set('pusher.timeout_ms', 50);
    } else {
        $server = new FakePushd($behaviour);
    }
    echo "$behaviour: ";
    try {
        $receipt = Pusher::publish('kittens', 1);
        echo $receipt->spooled ? 'spooled' : 'published';
    } catch (PusherException $e) {
        echo array_search($e->getCode(), (new ReflectionClass($e))->getConstants(), true);
    }
    echo ' ', $spool->events(), "\n";
    unset($spool);
}

// The caller's mistakes.
nobody_listens();
$spool = new SpoolDirectory();
foreach ([
    fn () => Pusher::publish('', 1),
    fn () => Pusher::publish('kittens', 1, ''),
    fn () => Pusher::publish('kittens', "\xff"),
    fn () => Pusher::publish('kittens', str_repeat('x', 4 << 20)),
    fn () => Pusher::publish('kittens', 1, ttl: 0),
    fn () => Pusher::publish('kittens', 1, ttl: -1),
    fn () => Pusher::publish('kittens', 1, ttl: 86401),
    fn () => Pusher::defer('kittens', 1, ttl: 0),
    fn () => (new Pusher())->sendMany([['kittens', 1], ['kittens', 2, 'ttl' => 0]]),
    fn () => (new Pusher())->sendMany([['kittens', 2, 'latest' => 1]]),
    fn () => (new Pusher())->sendMany([['kittens', 2, 'ttl' => '1']]),
    fn () => (new Pusher())->sendMany([['kittens', 2, 'other' => 1]]),
    fn () => new Pusher(null, ['spool' => 'relative']),
    fn () => new Pusher(null, ['spool_ttl' => '5 s']),
] as $mistake) {
    try {
        $mistake();
        echo "none\n";
    } catch (PusherException|TypeError $e) {
        echo preg_replace('/, called in .*/', '', $e->getMessage()), "\n";
    }
}
echo $spool->events(), "\n";
?>
--EXPECT--
closes: spooled [1]
overloaded: spooled [1]
log unavailable: spooled [1]
says goodbye at once: spooled [1]
hangs: spooled [1]
refuses: REFUSED []
refuses oddly: REFUSED []
too large: TOO_BIG []
garbage: PROTOCOL []
answers another: PROTOCOL []
the event was not published: the topic is empty
the event was not published: the id is empty
the event was not published: the data can't be encoded as JSON: Malformed UTF-8 characters, possibly incorrectly encoded
the event was not published: the event is 4194306 bytes long, at most 3145728 are allowed
ttl: "0" is not a number of seconds from 1 to 86400
ttl: "-1" is not a number of seconds from 1 to 86400
ttl: "86401" is not a number of seconds from 1 to 86400
ttl: "0" is not a number of seconds from 1 to 86400
event 1: ttl: "0" is not a number of seconds from 1 to 86400
Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 0 is none
Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 0 is none
Pusher::sendMany(): Argument #1 ($events) must contain only [category, data] and [category, data, id], category and id being strings, optionally with latest => bool, ttl => int and exclude => string, but event 0 is none
spool: "relative" is not an absolute path, as in /var/spool/pushd
spool_ttl: "5 s" is not a number of seconds from 1 to 86400
[]

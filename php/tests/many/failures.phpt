--TEST--
Events without a receipt are null, and one message has their number
--INI--
pusher.retry_ms=0
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$events = ['a' => ['kittens', 1], 'b' => ['kittens', 2], 'c' => ['kittens', 3]];

function send(array $events): void
{
    try {
        $receipts = (new Pusher())->sendMany($events);
        foreach ($receipts as $key => $receipt) {
            echo "$key: ", $receipt ? $receipt->sequence : 'null', ' ';
        }
        echo "\n";
    } catch (PusherException $e) {
        $constant = array_search($e->getCode(), (new ReflectionClass($e))->getConstants(), true);
        echo "$constant: ", preg_replace('/tcp.* ms/', 'ADDRESS', $e->getMessage()), "\n";
    }
}

ini_set('pusher.timeout_ms', 10_000);
foreach (['overloaded, then answers', 'answers once, then closes', 'overloaded', 'refuses', 'garbage', 'too large'] as $behaviour) {
    foreach (['silent', 'exception'] as $mode) {
        ini_set('pusher.on_failure', $mode);
        $server = new FakePushd($behaviour);
        send($events);
        // Once more, over the same connection if it is still good.
        $behaviour === 'overloaded, then answers' && send($events);
    }
}
unset($server);
send($events);

ini_set('pusher.on_failure', 'warning');
send($events);
set_error_handler(fn (int $level, string $message) => throw new ErrorException('from the handler'));
try {
    send($events);
} catch (ErrorException $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECTF--
a: null b: 2 c: 3 
a: 4 b: 5 c: 6 
BUSY: 1 of 3 events have no receipt: ADDRESS can't take the event now (no room): try again later
a: 4 b: 5 c: 6 
a: 1 b: null c: null 
CLOSED: 2 of 3 events have no receipt: the connection to ADDRESS was lost before the answer (%s): the event may or may not have been published; was pushd restarted? Its log says more
a: null b: null c: null 
BUSY: 3 of 3 events have no receipt: ADDRESS can't take the event now (no room): try again later
a: null b: null c: null 
REFUSED: 3 of 3 events have no receipt: ADDRESS refused to publish the event (denied: not you)
a: null b: null c: null 
PROTOCOL: 3 of 3 events have no receipt: no answer of pushd's from ADDRESS (%s): is it pushd that listens there?
a: null b: null c: null 
TOO_BIG: 3 of 3 events have no receipt: the event was not published: at most 10 bytes
CONNECT: 3 of 3 events have no receipt: can't connect to ADDRESS (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?

Warning: Pusher::sendMany(): 3 of 3 events have no receipt: can't connect to tcp://127.0.0.1:%d after %f ms (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?%S in %s on line %d
a: null b: null c: null 
from the handler

--TEST--
sendMany() sends many in one write, keeps their keys, and tells failures in one warning
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/fake_pushd.inc';

ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
$pusher = new Pusher($pushd->address);
$receipts = $pusher->sendMany(['a' => ['kittens', 1], 7 => ['puppies', 2], 'c' => ['kittens', ['n' => 3], 'id']]);
foreach ($receipts as $key => $receipt) {
    echo "$key: $receipt->subscribers, $receipt->sequence\n";
}
echo $browser->event(), $browser->event(), "\n";
// The same id again is the same event.
var_dump($pusher->send('kittens', 'again', 'id') == $receipts['c'], $pusher->sendMany([]));

// As many as there may be, and one more.
$many = array_fill(0, 1000, ['kittens', 'x']);
var_dump(count(array_filter($pusher->sendMany($many))));
foreach ([
    [...$many, ['kittens', 'x']],
    [['kittens', 1], ['', 1]],
    [['kittens', 1], ['kittens', NAN]],
    [['kittens', 1, '']],
    [['kittens', 1, str_repeat('x', 256)]],
    array_fill(0, 9, ['kittens', str_repeat('x', 1_000_000)]),
    [['kittens']],
    ['key' => 'kittens'],
    [[1, 2]],
] as $events) {
    try {
        $pusher->sendMany($events);
    } catch (PusherException | TypeError $e) {
        echo $e::class, " {$e->getCode()}: {$e->getMessage()}\n";
    }
}
$receipts = $pusher->sendMany([['kittens', 'last']]);
echo $receipts[0]->sequence, "\n";

// Of three the first is refused, and the others are not.
set_error_handler(function (int $level, string $message): bool {
    echo preg_replace(['/tcp.* ms/', '/, called in .*/'], ['ADDRESS', ''], $message), "\n";
    return true;
});
$server = new FakePushd('overloaded, then answers');
$events = [['kittens', 1], ['kittens', 2], ['kittens', 3]];
$receipts = (new Pusher($server->address))->sendMany($events);
echo json_encode($receipts), "\n";
// The connection ends before the rest is answered.
$server = new FakePushd('answers once, then closes');
echo json_encode((new Pusher($server->address))->sendMany($events)), "\n";
try {
    (new Pusher('tcp://127.0.0.1:1', ['on_failure' => 'exception']))->sendMany($events);
} catch (PusherException $e) {
    echo $e->getCode() === PusherException::CONNECT ? preg_replace('/:1 .*/', '', $e->getMessage()) : $e, "\n";
}
?>
--EXPECTF--
a: 1, 1
7: 0, %d
c: 1, %d
1{"n":3}
bool(true)
array(0) {
}
int(1000)
PusherException -4: the event was not published: 1001 events are too many, at most 1000 are allowed
PusherException -2: the event was not published: the topic is empty
PusherException -3: the event was not published: the data can't be encoded as JSON: Inf and NaN cannot be JSON encoded
PusherException -2: the event was not published: the id is empty
PusherException -2: the event was not published: the id is 256 bytes long, at most 255 are allowed
PusherException -4: the event was not published: the events are more than 8388608 bytes long together
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must be of [category, data] or [category, data, id], "0" is not
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must be of [category, data] or [category, data, id], "key" is not
TypeError 0: Pusher::sendMany(): Argument #1 ($events) must be of [category, data] or [category, data, id], "0" is not
%d
Pusher::sendMany(): 1 of 3 events have no receipt: ADDRESS can't take the event now (no room): try again later
[null,{"subscribers":1,"sequence":2},{"subscribers":1,"sequence":3}]
Pusher::sendMany(): 2 of 3 events have no receipt: the connection to ADDRESS was lost before the answer (%s): the event may or may not have been published; was pushd restarted? Its log says more
[{"subscribers":1,"sequence":1},null,null]
3 of 3 events have no receipt: can't connect to tcp://127.0.0.1

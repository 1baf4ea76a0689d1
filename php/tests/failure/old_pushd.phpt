--TEST--
A pushd that is too old to exclude a session refuses the event, and publishes the others
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('is too old to exclude');
ini_set('pusher.on_failure', 'exception');
try {
    Pusher::publish('kittens', 1, exclude: '1.171');
} catch (PusherException $e) {
    var_dump($e->getCode() === PusherException::REFUSED);
    echo preg_replace('/.* ms/', 'PUSHD', $e->getMessage()), "\n";
}
ini_set('pusher.on_failure', 'silent');
$receipts = (new Pusher())->sendMany([['kittens', 2, 'exclude' => '1.171'], ['kittens', 3]]);
var_dump($receipts[0], $receipts[1]->subscribers);
?>
--EXPECT--
bool(true)
PUSHD refused to publish the event (unknown_type: unknown message type 14): this pushd is too old to exclude a session, update it
NULL
int(1)

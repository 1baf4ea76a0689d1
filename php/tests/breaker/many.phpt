--TEST--
After a sendMany() that hung, the breaker reports the timeout, and not a mistake in one event
--INI--
pusher.retry_ms=3600000
pusher.on_failure=exception
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('too large, then nothing');
ini_set('pusher.timeout_ms', 2000);
foreach ([fn () => (new Pusher())->sendMany([['kittens', 1], ['kittens', 2]]), fn () => Pusher::publish('kittens', 3)] as $publish) {
    try {
        $publish();
    } catch (PusherException $e) {
        $constant = array_search($e->getCode(), (new ReflectionClass($e))->getConstants(), true);
        echo "$constant: ", preg_replace(['/tcp.* ms/', '/\d+ ms/'], ['ADDRESS', 'TIME'], $e->getMessage()), "\n";
    }
}
?>
--EXPECT--
TOO_BIG: 2 of 2 events have no receipt: the event was not published: at most 10 bytes
TIMEOUT: not tried, the next attempt is in TIME (pusher.retry_ms), since the last failed: timeout at ADDRESS while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?

--TEST--
position() and publishes share the breaker: after one that hung, both fail at once
--INI--
pusher.on_failure=exception
pusher.retry_ms=3600000
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

function outcome(Closure $call): string
{
    try {
        return (string) $call();
    } catch (PusherException $e) {
        return preg_replace(['#tcp://\S+#', '/\d[0-9.]* ms/'], ['ADDRESS', 'TIME'], $e->getMessage());
    }
}

foreach ([Pusher::position(...), fn () => Pusher::publish('kittens', 1)->sequence] as $first) {
    $server = new FakePushd('half an answer');
    ini_set('pusher.timeout_ms', 500);
    echo outcome($first), "\n";
    foreach ([Pusher::position(...), fn () => Pusher::publish('kittens', 1)->sequence] as $next) {
        echo strtok(outcome($next), ','), "\n";
    }
}

// A position closes the breaker, too.
$server = new FakePushd('half an answer');
ini_set('pusher.timeout_ms', 500);
outcome(Pusher::position(...));
echo strtok(outcome(Pusher::position(...)), ','), "\n";
$address = $server->address;
unset($server);
$server = new FakePushd('answers', $address);
ini_set('pusher.retry_ms', 0);
ini_set('pusher.timeout_ms', 10_000);
echo outcome(Pusher::position(...)), "\n";
ini_set('pusher.retry_ms', 3_600_000);
echo outcome(Pusher::position(...)), "\n";
?>
--EXPECT--
timeout at ADDRESS after TIME while waiting for the answer: is pushd stopped or overloaded?
not tried
not tried
timeout at ADDRESS after TIME while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
not tried
not tried
not tried
6d1f3c5a9be02478-12
6d1f3c5a9be02478-12

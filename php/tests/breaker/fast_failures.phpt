--TEST--
A fast failure does not open the breaker
--INI--
pusher.on_failure=silent
pusher.timeout_ms=10000
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/fake_pushd.inc';

$pushd = new Pushd();
$pushd->kill();
var_dump(Pusher::publish('kittens', 'nobody listens'));
$pushd = new Pushd($pushd->address);
var_dump(Pusher::publish('kittens', 'somebody does')->subscribers);

// An answer is one, whatever it says: of these each is tried.
$refusing = new FakePushd('overloaded, then answers');
var_dump(Pusher::publish('kittens', 1), Pusher::publish('kittens', 2)?->subscribers);
?>
--EXPECT--
NULL
int(0)
NULL
int(1)

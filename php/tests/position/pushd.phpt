--TEST--
Each publish moves the position of a real pushd to the position of its receipt
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';

$pushd = new Pushd();
$first = Pusher::position();
echo preg_replace('/^[0-9a-f]{16}-/', 'EPOCH-', $first), "\n";
var_dump(Pusher::position() === $first);
$receipt = Pusher::publish('kittens', 1);
var_dump($receipt->position !== $first, $receipt->position === (new Pusher())->currentPosition());
var_dump($receipt->stored);
?>
--EXPECTF--
EPOCH-%d
bool(true)
bool(true)
bool(true)
string(6) "memory"

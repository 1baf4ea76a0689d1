--TEST--
Numbers up to PHP's largest integer arrive; larger ones are shown as the largest
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('huge');
$receipt = Pusher::publish('kittens', 1);
var_dump($receipt->subscribers === PHP_INT_MAX, $receipt->sequence === PHP_INT_MAX, $receipt->nodes === PHP_INT_MAX);
$server = new FakePushd('gigantic');
$receipt = Pusher::publish('kittens', 1);
var_dump($receipt->subscribers === PHP_INT_MAX, $receipt->sequence === PHP_INT_MAX, $receipt->nodes === PHP_INT_MAX);
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)

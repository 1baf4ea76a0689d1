--TEST--
A connection that the server has closed between two publishes is opened again
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

ini_set('pusher.timeout_ms', 10_000);
$server = new FakePushd('answers once, then closes');
for ($i = 1; $i <= 20; $i++) {
    echo Pusher::publish('kittens', $i)?->sequence, ' ';
}
?>
--EXPECT--
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20

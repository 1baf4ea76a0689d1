--TEST--
The breaker is open for one address only, and can be switched off
--INI--
pusher.on_failure=silent
pusher.timeout_ms=50
pusher.retry_ms=3600000
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

function took(): string
{
    $begin = hrtime(true);
    $receipt = Pusher::publish('kittens', 1);
    return ($receipt ? 'published' : 'failed') . (hrtime(true) - $begin < 40e6 ? ' at once' : ' in time');
}

$hole = stream_socket_server('tcp://127.0.0.1:0');
$silent = 'tcp://' . stream_socket_get_name($hole, false);
ini_set('pusher.address', $silent);
echo took(), ', ', took(), "\n";

$server = new FakePushd('answers');
ini_set('pusher.timeout_ms', 10_000);
echo Pusher::publish('kittens', 1)->sequence, "\n";

ini_set('pusher.timeout_ms', 50);
ini_set('pusher.address', $silent);
echo took(), "\n";
ini_set('pusher.retry_ms', 0);
echo took(), ', ', took(), "\n";
ini_set('pusher.retry_ms', 3_600_000);
echo took(), "\n";
?>
--EXPECT--
failed in time, failed at once
1
failed at once
failed in time, failed in time
failed at once

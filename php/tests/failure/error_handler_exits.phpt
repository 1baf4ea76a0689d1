--TEST--
An error handler may end the script, and the connection still works afterwards
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('answers');
ini_set('pusher.timeout_ms', 10_000);
echo Pusher::publish('kittens', 1)->sequence, "\n";
$good = $server->address;
$bad = new FakePushd('refuses');
set_error_handler(fn () => exit("exit\n"));
register_shutdown_function(function () use ($good, $server) {
    ini_set('pusher.address', $good);
    echo Pusher::publish('kittens', 2)->sequence, "\n";
});
Pusher::publish('kittens', 1);
echo "not reached\n";
?>
--EXPECT--
1
exit
2

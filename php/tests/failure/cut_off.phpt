--TEST--
An event that a reset cuts off was not published, and is sent over a new connection
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

// More than the socket takes at once.
$long = str_repeat('x', 3_000_000);
foreach (['publish', 'sendMany'] as $method) {
    $path = sys_get_temp_dir() . '/pusher-cut-' . getmypid() . '.sock';
    $server = new FakePushd('cuts a long line', "unix://$path");
    echo Pusher::publish('kittens', 1)?->sequence, ' ';
    echo $method === 'publish' ? Pusher::publish('kittens', $long)?->sequence : (new Pusher())->sendMany([['kittens', $long]])[0]?->sequence, "\n";
    unset($server);
    unlink($path);
}
?>
--EXPECT--
1 2
1 2

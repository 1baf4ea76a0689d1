--TEST--
Nothing is opened before the first publish, one connection afterwards, to eight addresses at most
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

/** How many sockets this process has open; the test runner leaves some of its own to every test. */
function sockets(): int
{
    return count(preg_grep('/^socket:/', array_map(fn (string $path) => (string) @readlink($path), glob('/proc/self/fd/*'))));
}

ini_set('pusher.timeout_ms', 10_000);
$before = sockets();
$server = new FakePushd('answers');
$pusher = new Pusher($server->address);
var_dump(sockets() - $before);
for ($i = 1; $i <= 3; $i++) {
    // The server serves one connection after the other: a second one would wait for ever.
    echo Pusher::publish('kittens', $i)->sequence, $pusher->send('kittens', $i)->sequence, ' ';
}
var_dump(sockets() - $before);

$servers = [$server];
for ($i = 0; $i < 9; $i++) {
    $servers[] = new FakePushd('answers');
    Pusher::publish('kittens', 1);
}
var_dump(sockets() - $before);

// One that failed is not kept, and what is done with the exception does not keep it either.
$failing = new FakePushd('garbage');
try {
    (new Pusher($failing->address, ['on_failure' => 'exception']))->send('kittens', 1);
} catch (PusherException $kept) {
    var_dump(sockets() - $before);
}
?>
--EXPECT--
int(0)
12 34 56 int(1)
int(8)
int(7)

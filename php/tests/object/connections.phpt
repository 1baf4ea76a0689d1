--TEST--
Objects share the connections of the process
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';

function descriptors(): int
{
    return count(glob('/proc/self/fd/*'));
}

ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
Pusher::publish('kittens', 'opens');
(new Pusher($pushd->address, ['timeout_ms' => 999]))->send('kittens', 'loads what PHP code needs');
$before = descriptors();
$memory = memory_get_usage();
for ($i = 0; $i < 1_000; $i++) {
    // Another timeout is no other connection.
    (new Pusher($pushd->address, ['timeout_ms' => 1_000 + $i]))->send('kittens', $i);
}
var_dump(descriptors() - $before, memory_get_usage() - $memory < 1_000);
?>
--EXPECT--
int(0)
bool(true)

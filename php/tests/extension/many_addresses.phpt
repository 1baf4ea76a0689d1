--TEST--
A process keeps connections to at most eight addresses
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

function connections(): int
{
    ob_start();
    phpinfo(INFO_MODULES);
    return preg_match_all('/^Connection to .* => open$/m', ob_get_clean());
}

ini_set('pusher.timeout_ms', 10_000);
for ($i = 0; $i < 10; $i++) {
    $servers[] = new FakePushd('answers');
    Pusher::publish('kittens', 1);
}
var_dump(connections());
// The second time over the connection that was kept, or a new one.
foreach ($servers as $server) {
    ini_set('pusher.address', $server->address);
    echo Pusher::publish('kittens', 2)->sequence;
}
echo "\n";
var_dump(connections());
?>
--EXPECT--
int(8)
2222222222
int(8)

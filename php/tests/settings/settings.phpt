--TEST--
Settings can be changed at runtime, and an invalid one is named
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

function outcome(): string
{
    try {
        $receipt = Pusher::publish('kittens', 1);
        return $receipt ? "published, $receipt->subscribers" : 'null';
    } catch (PusherException $e) {
        return "{$e->getCode()} {$e->getMessage()}";
    }
}

function with(string $setting, string $value): void
{
    $before = ini_set($setting, $value);
    echo outcome(), "\n";
    ini_set($setting, $before);
}

$server = new FakePushd('answers');
with('pusher.address', '');
with('pusher.address', '127.0.0.1');
with('pusher.address', substr($server->address, strlen('tcp://')));
with('pusher.address', 'tcp://127.0.0.1');
with('pusher.address', "tcp://127.0.0.1\xff:5555");
foreach (['', '0', '-1', '600001', '250ms', '1.5', ' 250'] as $timeout) {
    with('pusher.timeout_ms', $timeout);
}
with('pusher.timeout_ms', '600000');
foreach (['', '-1', '3600001', 'never'] as $retry) {
    with('pusher.retry_ms', $retry);
}
with('pusher.retry_ms', '0');
with('pusher.retry_ms', '3600000');
foreach (['', 'Warning', 'ignore'] as $mode) {
    with('pusher.on_failure', $mode);
}
foreach (['warning', 'exception', 'silent'] as $mode) {
    with('pusher.on_failure', $mode);
}

// A mistake in the settings throws whatever becomes of failures.
ini_set('pusher.on_failure', 'silent');
with('pusher.address', 'nowhere');
ini_restore('pusher.on_failure');
echo outcome(), ' ', ini_get('pusher.on_failure'), "\n";
?>
--EXPECT--
-5 pusher.address: "" is not an address of pushd: the port is missing, as in 127.0.0.1:5555
-5 pusher.address: "127.0.0.1" is not an address of pushd: the port is missing, as in 127.0.0.1:5555
published, 1
-5 pusher.address: "tcp://127.0.0.1" is not an address of pushd: the port is missing, as in 127.0.0.1:5555
-5 pusher.address: "tcp://127.0.0.1\xff:5555" is not valid UTF-8
-5 pusher.timeout_ms: "" is not a number of milliseconds from 1 to 600000
-5 pusher.timeout_ms: "0" is not a number of milliseconds from 1 to 600000
-5 pusher.timeout_ms: "-1" is not a number of milliseconds from 1 to 600000
-5 pusher.timeout_ms: "600001" is not a number of milliseconds from 1 to 600000
-5 pusher.timeout_ms: "250ms" is not a number of milliseconds from 1 to 600000
-5 pusher.timeout_ms: "1.5" is not a number of milliseconds from 1 to 600000
-5 pusher.timeout_ms: " 250" is not a number of milliseconds from 1 to 600000
published, 1
-5 pusher.retry_ms: "" is not a number of milliseconds from 0 to 3600000
-5 pusher.retry_ms: "-1" is not a number of milliseconds from 0 to 3600000
-5 pusher.retry_ms: "3600001" is not a number of milliseconds from 0 to 3600000
-5 pusher.retry_ms: "never" is not a number of milliseconds from 0 to 3600000
published, 1
published, 1
-5 pusher.on_failure: "" is none of warning, exception, silent
-5 pusher.on_failure: "Warning" is none of warning, exception, silent
-5 pusher.on_failure: "ignore" is none of warning, exception, silent
published, 1
published, 1
published, 1
-5 pusher.address: "nowhere" is not an address of pushd: the port is missing, as in 127.0.0.1:5555
published, 1 warning

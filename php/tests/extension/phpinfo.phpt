--TEST--
phpinfo() shows version, connection, breaker, counters and settings
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

function section(): string
{
    ob_start();
    phpinfo(INFO_MODULES);
    preg_match('/^pusher\n\n(.*?\n\n.*?\n)\n/ms', ob_get_clean(), $match);
    return $match[1];
}

function row(string $name): string
{
    preg_match('/^' . preg_quote($name, '/') . ' => (.*)$/m', section(), $match);
    return $match[1];
}

function connection(): string
{
    return row('Connection to ' . ini_get('pusher.address'));
}

$server = new FakePushd('answers');
echo section(), "\n";
$published = row('Published (this process)');
$failed = row('Failed (this process)');

Pusher::publish('kittens', 1);
Pusher::publish('kittens', 2);
echo connection(), "\n";
var_dump(row('Published (this process)') - $published);

// It has gone.
unset($server);
ini_set('pusher.on_failure', 'silent');
var_dump(Pusher::publish('kittens', 3));
echo connection(), "\n";
var_dump(row('Failed (this process)') - $failed);
echo row('pusher.on_failure'), "\n";

// It hangs.
$hole = stream_socket_server('tcp://127.0.0.1:0');
ini_set('pusher.address', 'tcp://' . stream_socket_get_name($hole, false));
ini_set('pusher.timeout_ms', '50');
Pusher::publish('kittens', 4);
echo connection(), "\n";

ini_set('pusher.timeout_ms', 'soon');
echo row('Mistake in the settings'), "\n";
?>
--EXPECTF--
Pusher => enabled
Version => %d.%d.%d
Published (this process) => %d
Failed (this process) => %d
Connection to tcp://127.0.0.1:%d => closed, the next publish opens it%A

Directive => Local Value => Master Value
pusher.address => tcp://127.0.0.1:%d => tcp://127.0.0.1:5555
pusher.on_failure => warning => warning
pusher.retry_ms => 1000 => 1000
pusher.timeout_ms => 250 => 250

open
int(2)
NULL
closed, the next publish opens it
int(1)
silent => warning
not tried for %d ms: timeout at tcp://127.0.0.1:%d after %f ms while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
pusher.timeout_ms: "soon" is not a number of milliseconds from 1 to 600000

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
$short = row('Short-circuited (this process)');
$failed = row('Failed (this process)');
Pusher::publish('kittens', 5);
(new Pusher())->sendMany([['kittens', 6], ['kittens', 7]]);
var_dump(row('Short-circuited (this process)') - $short, row('Failed (this process)') - $failed);
$deferred = row('Deferred (this process)');
Pusher::defer('kittens', 8);
var_dump(row('Deferred (this process)') - $deferred);

// The secret is not shown.
ini_set('pusher.token', 'se1f-evident');
echo row('pusher.token'), "\n";
var_dump(str_contains(section(), 'se1f'));

ini_set('pusher.timeout_ms', 'soon');
echo row('Mistake in the settings'), "\n";
ini_restore('pusher.timeout_ms');
?>
--EXPECTF--
Pusher => enabled
Version => %d.%d.%d
Published (this process) => %d
Spooled (this process) => %d
Failed (this process) => %d
Short-circuited (this process) => %d
Deferred (this process) => %d
Spool => off
Connection to tcp://127.0.0.1:%d => closed, the next publish opens it%A

Directive => Local Value => Master Value
pusher.address => tcp://127.0.0.1:%d => tcp://127.0.0.1:5555
pusher.on_failure => warning => warning
pusher.push_url => no value => no value
pusher.retry_ms => 1000 => 1000
pusher.spool => no value => no value
pusher.spool_ttl => 300 => 300
pusher.ticket_domain => no value => no value
pusher.ticket_key_file => no value => no value
pusher.timeout_ms => 10000 => 250
pusher.token => (not shown) => (not shown)

open
int(2)
NULL
closed, the next publish opens it
int(1)
silent => warning
closed, breaker open (nothing is tried) for %d ms: timeout at tcp://127.0.0.1:%d after %f ms while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
int(3)
int(0)
int(1)
(not shown) => (not shown)
bool(false)
pusher.timeout_ms: "soon" is not a number of milliseconds from 1 to 600000

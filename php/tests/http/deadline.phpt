--TEST--
The deadline holds while a web server sends its answer byte by byte, or none
--INI--
pusher.retry_ms=0
pusher.on_failure=exception
--FILE--
<?php
require __DIR__ . '/../support/fake_web.inc';

function outcome(): string
{
    $startNs = hrtime(true);
    try {
        $outcome = (string) Pusher::publish('t', 1)->sequence;
    } catch (PusherException $e) {
        $outcome = preg_replace('#http://127\S+ after [0-9.]+ ms#', 'ADDRESS', $e->getMessage());
    }
    $tookMs = (hrtime(true) - $startNs) / 1e6;
    return $tookMs < 5_000 ? $outcome : "$outcome, after $tookMs ms";
}

// All bytes take 4 seconds.
$web = new FakeWeb('dribbles');
ini_set('pusher.timeout_ms', 200);
echo outcome(), "\n";

$server = stream_socket_server('tcp://127.0.0.1:0');
ini_set('pusher.address', 'http://' . stream_socket_get_name($server, false));
echo outcome(), "\n";
// The kernel takes the first megabytes.
pusher_configure(['address' => 'http://' . stream_socket_get_name($server, false)]);
try {
    Pusher::publish('t', str_repeat('x', 3_000_000));
} catch (PusherException $e) {
    var_dump($e->getCode() === PusherException::TIMEOUT);
}
?>
--EXPECT--
timeout at ADDRESS while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
timeout at ADDRESS while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
bool(true)

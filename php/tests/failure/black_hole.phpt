--TEST--
A server that never answers costs the page the timeout and no more
--INI--
pusher.retry_ms=0
--FILE--
<?php
// The kernel takes connections and what is written on behalf of a server that never accepts.
$hole = stream_socket_server('tcp://127.0.0.1:0');
ini_set('pusher.address', 'tcp://' . stream_socket_get_name($hole, false));
ini_set('pusher.on_failure', 'exception');

foreach ([50, 200] as $timeout_ms) {
    ini_set('pusher.timeout_ms', $timeout_ms);
    // Of the second not even all can be written.
    foreach (['small', str_repeat('x', 1_000_000)] as $data) {
        $start = hrtime(true);
        try {
            Pusher::publish('kittens', $data);
        } catch (PusherException $e) {
            $ms = (hrtime(true) - $start) / 1e6;
            var_dump($e->getCode() === PusherException::TIMEOUT, $ms >= $timeout_ms);
            // The machine may be busy; the other tests run at the same time.
            echo $ms < $timeout_ms + 500 ? "in time\n" : "$ms ms\n";
            echo preg_replace('/:\d+ after [0-9.]+ ms/', ':PORT after TIME', $e->getMessage()), "\n";
        }
    }
}
?>
--EXPECTF--
bool(true)
bool(true)
in time
timeout at tcp://127.0.0.1:PORT after TIME while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
bool(true)
bool(true)
in time
timeout at tcp://127.0.0.1:PORT after TIME while %s: is pushd stopped or overloaded?
bool(true)
bool(true)
in time
timeout at tcp://127.0.0.1:PORT after TIME while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
bool(true)
bool(true)
in time
timeout at tcp://127.0.0.1:PORT after TIME while %s: is pushd stopped or overloaded?

--TEST--
If no server listens: a warning and null, an exception, or null alone
--INI--
pusher.retry_ms=0
--FILE--
<?php
// A port that was free a moment ago.
$server = stream_socket_server('tcp://127.0.0.1:0');
ini_set('pusher.address', 'tcp://' . stream_socket_get_name($server, false));
fclose($server);

var_dump(Pusher::publish('kittens', 1));
var_dump(@Pusher::publish('kittens', 1));

ini_set('pusher.on_failure', 'silent');
error_clear_last();
var_dump(Pusher::publish('kittens', 1), error_get_last());

ini_set('pusher.on_failure', 'exception');
try {
    Pusher::publish('kittens', 1);
} catch (PusherException $e) {
    var_dump($e->getCode() === PusherException::CONNECT, error_get_last());
    echo $e->getMessage(), "\n";
}
?>
--EXPECTF--
Warning: Pusher::publish(): can't connect to tcp://127.0.0.1:%d after %f ms (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?%Sin %snobody_listening.php on line 7%S
NULL
NULL
NULL
NULL
bool(true)
NULL
can't connect to tcp://127.0.0.1:%d after %f ms (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?

--TEST--
position() fails as publish() does: a warning and null, an exception, or null alone
--INI--
pusher.retry_ms=0
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

// A port that was free a moment ago.
$server = stream_socket_server('tcp://127.0.0.1:0');
ini_set('pusher.address', 'tcp://' . stream_socket_get_name($server, false));
fclose($server);
var_dump(Pusher::position());
var_dump((new Pusher())->currentPosition());

ini_set('pusher.on_failure', 'silent');
error_clear_last();
var_dump(Pusher::position(), error_get_last());

function outcome(): string
{
    try {
        return var_export(Pusher::position(), true);
    } catch (PusherException $e) {
        $constant = array_search($e->getCode(), (new ReflectionClass($e))->getConstants(), true);
        return "$constant: " . preg_replace(['#(tcp|unix)://\S+#', '/after [0-9.]+ ms/'], ['ADDRESS', 'after TIME'], $e->getMessage());
    }
}

ini_set('pusher.on_failure', 'exception');
echo outcome(), "\n";
$behaviours = ['is too old for positions', 'gives no position', 'gives a receipt', 'answers another', 'garbage', 'closes', 'refuses', 'overloaded',
    'log unavailable', 'too large', 'says goodbye at once'];
foreach ($behaviours as $behaviour) {
    $server = new FakePushd($behaviour);
    echo "$behaviour: ", outcome(), "\n";
}

// A pushd that is too old still publishes, over the same connection.
$server = new FakePushd('is too old for positions');
echo substr(outcome(), 0, 7), ' ', Pusher::publish('kittens', 1)->sequence, "\n";

// A mistake in the settings throws whatever becomes of failures.
ini_set('pusher.on_failure', 'silent');
ini_set('pusher.timeout_ms', 'soon');
echo outcome(), "\n";
?>
--EXPECTF--
Warning: Pusher::position(): can't connect to tcp://127.0.0.1:%d after %f ms (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?%Sin %sfailures.php on line %d%S
NULL

Warning: Pusher::currentPosition(): can't connect to %s
NULL
NULL
NULL
CONNECT: can't connect to ADDRESS after TIME (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?
is too old for positions: REFUSED: ADDRESS after TIME gives no position (unknown_type: unknown message type 6): this pushd is too old, update it
gives no position: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
gives a receipt: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
answers another: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
garbage: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
closes: CLOSED: the connection to ADDRESS after TIME was lost before the answer (%s): was pushd restarted? Its log says more
refuses: REFUSED: ADDRESS after TIME gives no position (denied: not you)
overloaded: BUSY: ADDRESS after TIME can't answer now (no room): try again later
log unavailable: UNAVAILABLE: ADDRESS after TIME can't reach its log (Redis does not answer): try again later
too large: REFUSED: ADDRESS after TIME gives no position (event_too_large: at most 10 bytes)
says goodbye at once: BUSY: ADDRESS after TIME can't answer now (publishers-max (3) is reached): try again later
REFUSED 2
CONFIG: pusher.timeout_ms: "soon" is not a number of milliseconds from 1 to 600000

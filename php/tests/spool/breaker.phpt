--TEST--
While the breaker is open, events go to the spool at once
--INI--
pusher.retry_ms=3600000
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/spool.inc';

$spool = new SpoolDirectory();
$hole = stream_socket_server('tcp://127.0.0.1:0');
ini_set('pusher.address', 'tcp://' . stream_socket_get_name($hole, false));
ini_set('pusher.timeout_ms', 50);
var_dump(Pusher::publish('kittens', 1)->spooled);
// A publish that tried would take this long.
ini_set('pusher.timeout_ms', 600_000);
var_dump(Pusher::publish('kittens', 2)->spooled);
var_dump((new Pusher())->sendMany([['kittens', 3], ['kittens', 4]])[1]->spooled);
echo $spool->events(), "\n";

// Without a spool it fails.
ini_set('pusher.spool', '');
ini_set('pusher.on_failure', 'exception');
try {
    Pusher::publish('kittens', 5);
} catch (PusherException $e) {
    echo strtok($e->getMessage(), ','), "\n";
}
ini_set('pusher.spool', '/nonexistent');
foreach ([fn () => Pusher::publish('kittens', 5), fn () => (new Pusher())->sendMany([['kittens', 5]])] as $publish) {
    try {
        $publish();
    } catch (PusherException $e) {
        echo preg_replace('/.*(; and)/', '$1', $e->getMessage()), "\n";
    }
}
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
[1,2,3,4]
not tried
; and the spool directory /nonexistent does not exist
; and the spool directory /nonexistent does not exist

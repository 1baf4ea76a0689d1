--TEST--
Many events to a server that never answers cost one timeout
--FILE--
<?php
$hole = stream_socket_server('tcp://127.0.0.1:0');
ini_set('pusher.address', 'tcp://' . stream_socket_get_name($hole, false));
ini_set('pusher.on_failure', 'silent');
ini_set('pusher.retry_ms', 3_600_000);
ini_set('pusher.timeout_ms', 100);

$events = array_fill(0, 1000, ['kittens', 1]);
foreach (['first', 'second'] as $attempt) {
    $start = hrtime(true);
    $receipts = (new Pusher())->sendMany($events);
    $ms = (hrtime(true) - $start) / 1e6;
    echo "$attempt: ", count($receipts), ' ', count(array_filter($receipts)), ' ', $ms >= 100 ? 'in time' : 'at once', "\n";
    // One timeout for each would be 100 s.
    var_dump($ms < 10_000);
}
ini_set('pusher.on_failure', 'exception');
try {
    (new Pusher())->sendMany([['kittens', 1]]);
} catch (PusherException $e) {
    echo preg_replace('/\d[0-9.]* ms.*/', 'TIME', $e->getMessage()), "\n";
}
// A mistake is told all the same.
try {
    (new Pusher())->sendMany([['', 1]]);
} catch (PusherException $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECT--
first: 1000 0 in time
bool(true)
second: 1000 0 at once
bool(true)
1 of 1 events have no receipt: not tried, the next attempt is in TIME
event 0: the event was not published: the topic is empty

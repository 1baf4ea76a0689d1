--TEST--
After a publish that hung, the next ones fail at once until pusher.retry_ms have passed
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';

const RETRY_MS = 500;
ini_set('pusher.on_failure', 'exception');
ini_set('pusher.timeout_ms', 100);
ini_set('pusher.retry_ms', RETRY_MS);

function outcome(): string
{
    try {
        return 'published to ' . Pusher::publish('kittens', 1)->subscribers;
    } catch (PusherException $e) {
        $constant = array_search($e->getCode(), (new ReflectionClass($e))->getConstants(), true);
        return $constant . ': ' . preg_replace(['/:\d+ after/', '/\d[0-9.]* ms/'], [':PORT after', 'TIME'], $e->getMessage());
    }
}

$pushd = new Pushd();
echo outcome(), "\n";
$pushd->stop();
$tried = hrtime(true);
echo outcome(), "\n";
$failed = hrtime(true);

// 100 more cost less than one.
$outcomes = [];
for ($i = 0; $i < 100; $i++) {
    $outcomes[] = outcome();
}
$ms = (hrtime(true) - $failed) / 1e6;
echo $ms < 100 ? "fast\n" : "$ms ms\n";
print_r(array_unique($outcomes));

// The caller's mistakes are told all the same.
foreach ([['', 1], ['kittens', NAN], ['kittens', str_repeat('x', 3 << 20)]] as $arguments) {
    try {
        Pusher::publish(...$arguments);
    } catch (PusherException $e) {
        echo $e->getMessage(), "\n";
    }
}

// pushd goes on, which nobody knows before the time is over.
$pushd->goOn();
echo str_contains(outcome(), 'not tried') ? "not tried\n" : "tried\n";
while (str_contains($outcome = outcome(), 'not tried')) {
    usleep(1_000);
}
// The first took its 100 ms, and from then on they count.
var_dump((hrtime(true) - $tried) / 1e6 >= 100 + RETRY_MS);
ini_set('pusher.timeout_ms', 10_000);
echo $outcome === 'published to 0' ? "tried again\n" : "$outcome\n";
echo outcome(), "\n";
?>
--EXPECT--
published to 0
TIMEOUT: timeout at tcp://127.0.0.1:PORT after TIME while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
fast
Array
(
    [0] => TIMEOUT: not tried, the next attempt is in TIME (pusher.retry_ms), since the last failed: timeout at tcp://127.0.0.1:PORT after TIME while waiting for the answer (the event may or may not have been published): is pushd stopped or overloaded?
)
the event was not published: the topic is empty
the event was not published: the data can't be encoded as JSON: Inf and NaN cannot be JSON encoded
the event was not published: the event is 3145730 bytes long, at most 3145728 are allowed
not tried
bool(true)
tried again
published to 0

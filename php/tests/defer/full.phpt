--TEST--
A full queue is sent at once, and the order is kept
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/script.inc';

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
script('for ($i = 0; $i < 2_500; $i++) Pusher::defer("kittens", $i); Pusher::publish("kittens", "now");');
$order = [];
for ($i = 0; $i < 2_501; $i++) {
    $order[] = json_decode($browser->event());
}
// By then what did not fit was sent, twice.
var_dump($order === [...range(0, 1_999), 'now', ...range(2_000, 2_499)]);

// In bytes: four of these fit.
$last = Pusher::publish('kittens', 'last')->sequence;
echo script('for ($i = 0; $i < 5; $i++) Pusher::defer("big", str_repeat("x", 1_000_000)); echo Pusher::publish("big", "now")->sequence;') - $last, "\n";

// What fails then is a warning too.
$pushd->kill();
echo preg_replace('/:\d+ after [0-9.]+ ms/', '', script(
    'for ($i = 0; $i < 1_001; $i++) { $i === 1_000 && print("full\n"); Pusher::defer("kittens", $i); } echo "end\n";',
    ['pusher.on_failure' => 'exception'],
));
?>
--EXPECTF--
bool(true)
5
full

Warning: Pusher::defer(): 1000 of 1000 deferred events have no receipt: can't connect to tcp://127.0.0.1 %s in Command line code on line 1%S
end

Warning: %s: 1 of 1 deferred events have no receipt: can't connect to tcp://127.0.0.1 %s in %s on line %d

--TEST--
sendMany() publishes in order, and returns a receipt for each event under its key
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
$pusher = new Pusher();

$category = 'kittens';
$referenced = ['kittens', 'a reference'];
$receipts = $pusher->sendMany([
    5 => ['kittens', ['title' => '新しい子猫']],
    'named' => ['puppies', 1],
    "\xff" => [&$category, null, 'an id'],
    -1 => &$referenced,
    '' => ['kittens', 2, null],
    'again' => ['kittens', 'not seen', 'an id'],
]);
foreach ($receipts as $key => $receipt) {
    echo bin2hex($key), ': ', $receipt::class, " $receipt->subscribers\n";
}
var_dump($receipts['again'] == $receipts["\xff"]);
for ($i = 0; $i < 4; $i++) {
    echo $browser->event(), ' ';
}
echo "\n";

var_dump($pusher->sendMany([]));

// As many as there may be, in several writes, but not more than pushd keeps for a browser that does not read yet.
$events = array_fill(0, 1000, ['kittens', str_repeat('x', 900)]);
$receipts = $pusher->sendMany($events);
$sequences = array_map(fn ($receipt) => $receipt->sequence, $receipts);
$sorted = $sequences;
sort($sorted);
var_dump(array_is_list($receipts), count(array_unique($sequences)), $sequences === $sorted);
for ($i = 0; $i < 1000; $i++) {
    $browser->event() === '"' . $events[$i][1] . '"' || print("another event\n");
}
?>
--EXPECT--
35: PusherReceipt 1
6e616d6564: PusherReceipt 0
ff: PusherReceipt 1
2d31: PusherReceipt 1
: PusherReceipt 1
616761696e: PusherReceipt 1
bool(true)
{"title":"新しい子猫"} null "a reference" 2 
array(0) {
}
bool(true)
int(1000)
bool(true)

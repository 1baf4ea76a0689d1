--TEST--
A receipt has the number of servers that share the log, or null
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('shares its log');
$receipts = [Pusher::publish('kittens', 1), ...(new Pusher())->sendMany([['kittens', 2], ['kittens', 3]])];
foreach ($receipts as $receipt) {
    echo "$receipt->sequence: $receipt->nodes, $receipt->stored\n";
}

// A server with a log of its own does not send the number.
$server = new FakePushd('keeps events');
var_dump(Pusher::publish('kittens', 1)->nodes);

// Another value hides neither the receipt nor the other receipts.
$server = new FakePushd('has odd nodes');
foreach ((new Pusher())->sendMany(array_fill(0, 8, ['kittens', 1])) as $receipt) {
    echo $receipt->sequence, ': ', var_export($receipt->nodes, true), "\n";
}
?>
--EXPECT--
1: 2, memory
2: 3, memory
3: 4, memory
NULL
1: NULL
2: NULL
3: NULL
4: NULL
5: NULL
6: NULL
7: NULL
8: NULL

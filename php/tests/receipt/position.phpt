--TEST--
A receipt says where the event is in the log and how safely it is kept
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

foreach (['keeps events', 'answers', 'is of a later version'] as $behaviour) {
    $server = new FakePushd($behaviour);
    $receipts = [Pusher::publish('kittens', 1), ...(new Pusher())->sendMany([['kittens', 2], ['kittens', 3]])];
    foreach ($receipts as $receipt) {
        echo "$receipt->sequence: ", var_export($receipt->position, true), ", $receipt->stored\n";
    }
}
?>
--EXPECT--
1: '6d1f3c5a9be02478-1', synced
2: '6d1f3c5a9be02478-2', synced
3: '6d1f3c5a9be02478-3', synced
1: NULL, no
2: NULL, no
3: NULL, no
1: NULL, no
2: NULL, no
3: NULL, no

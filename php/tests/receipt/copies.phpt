--TEST--
A receipt is a value: cloned, compared, serialized and shown like a user's own object
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('keeps events');
$receipt = Pusher::publish('kittens', 1);
$copy = clone $receipt;
var_dump($copy == $receipt, $copy === $receipt, $copy == Pusher::publish('kittens', 2));
echo $serialized = serialize($receipt), "\n";
var_dump(unserialize($serialized) == $receipt);
echo json_encode($receipt), ' ', json_encode((array) $receipt), "\n";
foreach ($receipt as $name => $value) {
    echo "$name=$value ";
}
echo "\n";
print_r($receipt);
['sequence' => $sequence] = get_object_vars($receipt);
var_dump($sequence);

// What stands in a session or a cache may be forged, but never of another type.
try {
    unserialize('O:13:"PusherReceipt":1:{s:8:"sequence";s:1:"x";}');
} catch (TypeError $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECT--
bool(true)
bool(false)
bool(false)
O:13:"PusherReceipt":6:{s:11:"subscribers";i:1;s:8:"sequence";i:1;s:8:"position";s:18:"6d1f3c5a9be02478-1";s:6:"stored";s:6:"synced";s:5:"nodes";N;s:7:"spooled";b:0;}
bool(true)
{"subscribers":1,"sequence":1,"position":"6d1f3c5a9be02478-1","stored":"synced","nodes":null,"spooled":false} {"subscribers":1,"sequence":1,"position":"6d1f3c5a9be02478-1","stored":"synced","nodes":null,"spooled":false}
subscribers=1 sequence=1 position=6d1f3c5a9be02478-1 stored=synced nodes= spooled= 
PusherReceipt Object
(
    [subscribers] => 1
    [sequence] => 1
    [position] => 6d1f3c5a9be02478-1
    [stored] => synced
    [nodes] => 
    [spooled] => 
)
int(1)
Cannot assign string to property PusherReceipt::$sequence of type int

--TEST--
After a goodbye in place of an answer, the event is sent over a new connection
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

// The second publish of a connection, and of those sent together all, get no answer but a goodbye.
$server = new FakePushd('says goodbye');
for ($i = 1; $i <= 4; $i++) {
    echo Pusher::publish('kittens', $i)?->sequence, ' ';
}
echo "\n";
unset($server);

$server = new FakePushd('says goodbye');
echo Pusher::publish('kittens', 1)?->sequence, ' ';
foreach ((new Pusher())->sendMany([['kittens', 2]]) as $receipt) {
    echo $receipt?->sequence, ' ';
}
echo "\n";
unset($server);

// On a new connection it is the answer: there is no room.
$server = new FakePushd('says goodbye at once');
ini_set('pusher.on_failure', 'exception');
try {
    Pusher::publish('kittens', 1);
} catch (PusherException $e) {
    var_dump($e->getCode() === PusherException::BUSY);
    echo preg_replace('/tcp:\S+ after [0-9.]+ ms/', 'ADDRESS', $e->getMessage()), "\n";
}
?>
--EXPECT--
1 3 4 6 
1 3 
bool(true)
ADDRESS can't take the event now (publishers-max (3) is reached): try again later

--TEST--
An object consists of its settings: it can be copied, not changed, not serialized
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('answers');
$pusher = new Pusher($server->address, ['timeout_ms' => 10_000]);
$copy = clone $pusher;
echo $copy->send('kittens', 1)->sequence, $pusher->send('kittens', 2)->sequence, "\n";
foreach ([
    fn () => $pusher->__construct('tcp://127.0.0.1:1'),
    fn () => $pusher->address,
    fn () => $pusher->else = 1,
    fn () => $pusher->options = [],
    fn () => serialize($pusher),
    fn () => unserialize('O:6:"Pusher":0:{}'),
    fn () => Pusher::send('kittens', 1),
] as $attempt) {
    try {
        $attempt();
        echo "worked\n";
    } catch (Throwable $e) {
        echo $e::class, ": {$e->getMessage()}\n";
    }
}
echo $pusher->send('kittens', 3)->sequence, "\n";

// Static and object share the connection, and an object without its constructor has no settings.
echo Pusher::publish('kittens', 4)->sequence, $pusher::publish('kittens', 5)->sequence, "\n";
$unmade = (new ReflectionClass('Pusher'))->newInstanceWithoutConstructor();
echo $unmade->send('kittens', 6)->sequence, "\n";
?>
--EXPECT--
12
Error: Cannot modify readonly property Pusher::$address
Error: Cannot access private property Pusher::$address
Error: Cannot create dynamic property Pusher::$else
Error: Cannot access private property Pusher::$options
Exception: Serialization of 'Pusher' is not allowed
Exception: Unserialization of 'Pusher' is not allowed
Error: Non-static method Pusher::send() cannot be called statically
3
45
6

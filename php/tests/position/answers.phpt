--TEST--
position() and publishes use the same connection
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

// The server serves one connection after the other: a second one would wait for ever.
$server = new FakePushd('answers');
var_dump(Pusher::position());
echo Pusher::publish('kittens', 1)->sequence, "\n";
var_dump(Pusher::position() === FakePushd::POSITION);

// An object has its own settings; its static method has those of php.ini.
$pusher = new Pusher($server->address, ['on_failure' => 'exception']);
ini_set('pusher.address', 'tcp://127.0.0.1:1');
var_dump($pusher->currentPosition(), @$pusher->position());

foreach ([fn () => Pusher::position(1), fn () => $pusher->currentPosition(1)] as $call) {
    try {
        echo @$call() === null ? "additional arguments are ignored\n" : "asked\n";
    } catch (ArgumentCountError $e) {
        echo "additional arguments are refused\n";
    }
}
try {
    Pusher::currentPosition();
} catch (Error $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECTF--
string(19) "6d1f3c5a9be02478-12"
2
bool(true)
string(19) "6d1f3c5a9be02478-12"
NULL
%A
Non-static method Pusher::currentPosition() cannot be called statically

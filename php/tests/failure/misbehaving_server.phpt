--TEST--
Each misbehaviour of a server has its code, and a message with the next thing to check
--INI--
pusher.retry_ms=0
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

ini_set('pusher.on_failure', 'exception');
foreach (['garbage', 'answers another', 'a fraction', 'a type in quotes', 'closes', 'refuses', 'overloaded', 'log unavailable', 'too large', 'refuses oddly'] as $behaviour) {
    $server = new FakePushd($behaviour);
    for ($i = 0; $i < 2; $i++) {
        try {
            Pusher::publish('kittens', 1);
        } catch (PusherException $e) {
            $constant = array_search($e->getCode(), (new ReflectionClass($e))->getConstants(), true);
            $message = str_replace($server->address, 'ADDRESS', $e->getMessage());
            $message = preg_replace('/after [0-9.]+ ms/', 'after TIME', $message);
            echo "$behaviour: $constant: $message\n";
        }
    }
}

// Half an answer is none; and the next publish does not take the rest of it for its own.
$server = new FakePushd('half an answer');
ini_set('pusher.timeout_ms', 100);
try {
    Pusher::publish('kittens', 1);
} catch (PusherException $e) {
    var_dump($e->getCode() === PusherException::TIMEOUT);
}
$server = new FakePushd('answers');
ini_set('pusher.timeout_ms', 10_000);
echo Pusher::publish('kittens', 1)->sequence, "\n";
?>
--EXPECTF--
garbage: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
garbage: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
answers another: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
answers another: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
a fraction: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
a fraction: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
a type in quotes: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
a type in quotes: PROTOCOL: no answer of pushd's from ADDRESS after TIME (%s): is it pushd that listens there?
closes: CLOSED: the connection to ADDRESS after TIME was lost before the answer (%s): the event may or may not have been published; was pushd restarted? Its log says more
closes: CLOSED: the connection to ADDRESS after TIME was lost before the answer (%s): the event may or may not have been published; was pushd restarted? Its log says more
refuses: REFUSED: ADDRESS after TIME refused to publish the event (denied: not you)
refuses: REFUSED: ADDRESS after TIME refused to publish the event (denied: not you)
overloaded: BUSY: ADDRESS after TIME can't take the event now (no room): try again later
overloaded: BUSY: ADDRESS after TIME can't take the event now (no room): try again later
log unavailable: UNAVAILABLE: ADDRESS after TIME can't reach its log (Redis does not answer): the event may or may not have been published; try again later, with the same id
log unavailable: UNAVAILABLE: ADDRESS after TIME can't reach its log (Redis does not answer): the event may or may not have been published; try again later, with the same id
too large: TOO_BIG: the event was not published: at most 10 bytes
too large: TOO_BIG: the event was not published: at most 10 bytes
refuses oddly: REFUSED: ADDRESS after TIME refused to publish the event (refused: NUL \0 and <b>)
refuses oddly: REFUSED: ADDRESS after TIME refused to publish the event (refused: NUL \0 and <b>)
bool(true)
1

--TEST--
revoke() and presence() fail as position() does, and mistakes always throw
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

function outcome(Closure $call): void
{
    try {
        $result = $call();
    } catch (PusherException $e) {
        $result = $e->getCode() . ' ' . preg_replace('/tcp:.* after [0-9.]+ ms/', 'PUSHD', $e->getMessage());
        if ($e->getCode() === PusherException::PROTOCOL) {
            // The extension and the fallback find different reasons.
            $result = preg_replace('/ \(.*\)/s', '', $result);
        }
    }
    $text = is_string($result) ? $result : json_encode($result);
    echo strlen($text) < 1000 ? $text : substr($text, 0, 50) . '... of ' . strlen($text) . ' bytes', "\n";
}

function both(string $behaviour): void
{
    echo "$behaviour:\n";
    $server = new FakePushd($behaviour);
    outcome(fn () => Pusher::revoke('7'));
    outcome(fn () => Pusher::presence('chat'));
}

ini_set('pusher.on_failure', 'exception');
foreach ([
    'answers', 'is too old for tickets', 'refuses oddly', 'overloaded', 'log unavailable', 'closes', 'gives a receipt', 'garbage',
    'knows better', 'has odd members', 'has a full topic',
] as $behaviour) {
    both($behaviour);
}

echo "mistakes:\n";
ini_set('pusher.on_failure', 'silent');
$server = new FakePushd('answers');
foreach (['', str_repeat('s', 256), "\xff"] as $sub) {
    outcome(fn () => Pusher::revoke($sub));
}
foreach (['', str_repeat('t', 1025), "\xff"] as $topic) {
    outcome(fn () => Pusher::presence($topic));
}
outcome(fn () => Pusher::revoke(str_repeat('s', 255)));
outcome(fn () => Pusher::presence(str_repeat('t', 1024)));
ini_set('pusher.timeout_ms', 'soon');
outcome(fn () => Pusher::revoke('7'));

echo "no server:\n";
ini_set('pusher.timeout_ms', 10_000);
unset($server);
outcome(fn () => Pusher::revoke('7'));
ini_set('pusher.on_failure', 'warning');
set_error_handler(function (int $level, string $message) {
    echo preg_replace('/tcp:.* after [0-9.]+ ms.*/s', 'PUSHD', $message), "\n";
    return true;
});
outcome(fn () => Pusher::revoke('7'));
outcome(fn () => Pusher::presence('chat'));
?>
--EXPECT--
answers:
3
{"count":1,"members":[{"sub":"7"}]}
is too old for tickets:
-10 PUSHD refused to revoke the tickets (unknown_type: unknown message type 10): this pushd is too old, update it
-10 PUSHD refused to report presence (unknown_type: unknown message type 12): this pushd is too old, update it
refuses oddly:
-10 PUSHD refused to revoke the tickets (refused: NUL \0 and <b>)
-10 PUSHD refused to report presence (refused: NUL \0 and <b>)
overloaded:
-11 PUSHD can't revoke the tickets now (no room): try again later
-11 PUSHD can't answer now (no room): try again later
log unavailable:
-16 PUSHD can't reach its log (Redis does not answer): the tickets may or may not be revoked; try again later
-16 PUSHD can't reach its log (Redis does not answer): try again later
closes:
-8 the connection to PUSHD was lost before the answer (closed by pushd): the tickets may or may not be revoked; was pushd restarted? Its log says more
-8 the connection to PUSHD was lost before the answer (closed by pushd): was pushd restarted? Its log says more
gives a receipt:
-9 no answer of pushd's from PUSHD: is it pushd that listens there?
-9 no answer of pushd's from PUSHD: is it pushd that listens there?
garbage:
-9 no answer of pushd's from PUSHD: is it pushd that listens there?
-9 no answer of pushd's from PUSHD: is it pushd that listens there?
knows better:
-1 no ticket was revoked: not this one
-2 pushd refused to report presence: not this one
has odd members:
-9 no answer of pushd's from PUSHD: is it pushd that listens there?
-9 no answer of pushd's from PUSHD: is it pushd that listens there?
has a full topic:
9223372036854775807
{"count":100,"members":[{"sub":"\u0001\u0001\u0001... of 154125 bytes
mistakes:
-1 no ticket was revoked: sub is 0 bytes long: 1 to 255 are allowed
-1 no ticket was revoked: sub is 256 bytes long: 1 to 255 are allowed
-1 no ticket was revoked: sub is not valid UTF-8
-2 presence was not requested: the topic is empty
-2 presence was not requested: the topic is 1025 bytes long, at most 1024 are allowed
-2 presence was not requested: the topic is not valid UTF-8
3
{"count":1,"members":[{"sub":"7"}]}
-5 pusher.timeout_ms: "soon" is not a number of milliseconds from 1 to 600000
no server:
null
Pusher::revoke(): can't connect to PUSHD
null
Pusher::presence(): can't connect to PUSHD
null

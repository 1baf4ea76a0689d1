--TEST--
A mistake in a request for a ticket is an exception, whatever pusher.on_failure says
--FILE--
<?php
require __DIR__ . '/../support/tickets.inc';
require __DIR__ . '/../support/said.inc';

$file = new KeyFile();
ini_set('pusher.on_failure', 'silent');
$codes = array_flip((new ReflectionClass('PusherException'))->getConstants());
$throwing = new class implements JsonSerializable {
    public function jsonSerialize(): mixed
    {
        throw new DomainException('not today');
    }
};
foreach ([
    [[]],
    [array_fill(0, 101, 't')],
    [['']],
    [['ok', 'user.7*']],
    [['*']],
    [['a*b']],
    [['a.**']],
    [["a\xff"]],
    [[7]],
    [['a', ['b']]],
    [['t'], 0],
    [['t'], -1],
    [['t'], 86401],
    [['t'], 300, ''],
    [['t'], 300, str_repeat('s', 256)],
    [['t'], 300, "\xff"],
    [['t'], 300, null, [str_repeat('i', 2045)]],
    [['t'], 300, null, ["\xff"]],
    [['t'], 300, null, [NAN]],
    [['t'], 300, null, [$throwing]],
    [[str_repeat('t', 3000)]],
    ['t'],
    [['t'], 'soon'],
    [['t'], 300, []],
    [['t'], 300, null, null],
] as $arguments) {
    try {
        Pusher::ticket(...$arguments);
        echo "accepted\n";
    } catch (Throwable $e) {
        echo $e instanceof PusherException ? $codes[$e->getCode()] : get_class($e), ': ', said($e), "\n";
        // PHP's own errors are in the called function, if that is PHP code.
        var_dump(strlen($e->getMessage()) < 300 && ($e->getFile() === __FILE__ || str_contains(said($e), 'must be of type')));
    }
}
?>
--EXPECT--
TOPIC: no ticket was signed: a ticket is for 1 to 100 topics, not 0
bool(true)
TOPIC: no ticket was signed: a ticket is for 1 to 100 topics, not 101
bool(true)
TOPIC: no ticket was signed: "" is no topic for a ticket: a * may only be its last character, behind . / : or -
bool(true)
TOPIC: no ticket was signed: "user.7*" is no topic for a ticket: a * may only be its last character, behind . / : or -
bool(true)
TOPIC: no ticket was signed: "*" is no topic for a ticket: a * may only be its last character, behind . / : or -
bool(true)
TOPIC: no ticket was signed: "a*b" is no topic for a ticket: a * may only be its last character, behind . / : or -
bool(true)
TOPIC: no ticket was signed: "a.**" is no topic for a ticket: a * may only be its last character, behind . / : or -
bool(true)
TOPIC: no ticket was signed: a topic is not valid UTF-8
bool(true)
TypeError: Pusher::ticket(): Argument #1 ($topics) must contain only strings
bool(true)
TypeError: Pusher::ticket(): Argument #1 ($topics) must contain only strings
bool(true)
CONFIG: no ticket was signed: the ttl of a ticket is 1 to 86400 seconds, not 0
bool(true)
CONFIG: no ticket was signed: the ttl of a ticket is 1 to 86400 seconds, not -1
bool(true)
CONFIG: no ticket was signed: the ttl of a ticket is 1 to 86400 seconds, not 86401
bool(true)
ID: no ticket was signed: sub is 0 bytes long: 1 to 255 are allowed
bool(true)
ID: no ticket was signed: sub is 256 bytes long: 1 to 255 are allowed
bool(true)
ID: no ticket was signed: sub is not valid UTF-8
bool(true)
JSON: no ticket was signed: info must be one JSON value of at most 2048 bytes
bool(true)
JSON: no ticket was signed: the data can't be encoded as JSON: Malformed UTF-8 characters, possibly incorrectly encoded
bool(true)
JSON: no ticket was signed: the data can't be encoded as JSON: Inf and NaN cannot be JSON encoded
bool(true)
DomainException: not today
bool(true)
TOO_BIG: no ticket was signed: the ticket is 4147 bytes long, at most 4096 are allowed: it has fewer topics with a pattern, such as user.7.*
bool(true)
TypeError: Pusher::ticket(): Argument #1 ($topics) must be of type array, string given
bool(true)
TypeError: Pusher::ticket(): Argument #2 ($ttl) must be of type int, string given
bool(true)
TypeError: Pusher::ticket(): Argument #3 ($sub) must be of type ?string, array given
bool(true)
TypeError: Pusher::ticket(): Argument #4 ($info) must be of type array, null given
bool(true)

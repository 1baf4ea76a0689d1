--TEST--
Data that json_encode() refuses throws in every mode, and nothing is sent
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

enum Unit
{
    case One;
}

$recursive = [];
$recursive['self'] = &$recursive;
$object = new stdClass();
$object->self = $object;
$deep = 'bottom';
for ($level = 0; $level < 513; $level++) {
    $deep = [$deep];
}

$server = new FakePushd('answers');
foreach (['warning', 'silent', 'exception'] as $mode) {
    ini_set('pusher.on_failure', $mode);
    foreach ([
        'NAN' => NAN,
        'INF' => [-INF],
        'resource' => STDIN,
        'UTF-8' => "a\xffb",
        'key' => ["\xff" => 1],
        'array' => $recursive,
        'object' => $object,
        'enum' => Unit::One,
        '513 levels' => $deep,
    ] as $name => $data) {
        try {
            Pusher::publish('kittens', $data);
            echo "$name was published\n";
        } catch (PusherException $e) {
            $mode === 'warning' && print("$name: {$e->getMessage()}\n");
            $e->getCode() === PusherException::JSON || print("$name: code {$e->getCode()}\n");
        }
    }
}
// The first that arrives.
echo Pusher::publish('kittens', 1)->sequence, "\n";

// Cycles that nobody breaks would count as lost under valgrind.
$recursive = $object->self = null;
?>
--EXPECT--
NAN: the event was not published: the data can't be encoded as JSON: Inf and NaN cannot be JSON encoded
INF: the event was not published: the data can't be encoded as JSON: Inf and NaN cannot be JSON encoded
resource: the event was not published: the data can't be encoded as JSON: Type is not supported
UTF-8: the event was not published: the data can't be encoded as JSON: Malformed UTF-8 characters, possibly incorrectly encoded
key: the event was not published: the data can't be encoded as JSON: Malformed UTF-8 characters, possibly incorrectly encoded
array: the event was not published: the data can't be encoded as JSON: Recursion detected
object: the event was not published: the data can't be encoded as JSON: Recursion detected
enum: the event was not published: the data can't be encoded as JSON: Non-backed enums have no default serialization
513 levels: the event was not published: the data can't be encoded as JSON: Maximum stack depth exceeded
1

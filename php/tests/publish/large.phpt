--TEST--
Large data arrives complete; data that exceeds the limit throws
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

const LIMIT = 3 * 1024 * 1024;
ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
$browser = new Browser($pushd, 'large');

// A JSON string has two quotes around it.
foreach ([900_000, LIMIT - 2] as $length) {
    $data = substr(str_repeat('0123456789abcdef-', intdiv($length, 17) + 1), 0, $length);
    Pusher::publish('large', $data);
    var_dump($browser->event() === "\"$data\"");
}

try {
    Pusher::publish('large', str_repeat('x', LIMIT - 1));
} catch (PusherException $e) {
    var_dump($e->getCode() === PusherException::TOO_BIG);
    echo $e->getMessage(), "\n";
}
Pusher::publish('large', 'small');
echo $browser->event(), "\n";
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
the event was not published: the event is 3145729 bytes long, at most 3145728 are allowed
"small"

--TEST--
The token from php.ini or an object is sent to pushd, and is not visible elsewhere
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';

function outcome(Closure $publish): string
{
    try {
        return 'published to ' . $publish()->subscribers;
    } catch (PusherException $e) {
        return $e->getCode() . ' ' . preg_replace('/after [0-9.]+ ms/', 'after TIME', $e->getMessage());
    }
}

ini_set('pusher.timeout_ms', 10_000);
ini_set('pusher.on_failure', 'exception');
$pushd = new Pushd(token: 's3cret-token-for-tests');
$publish = fn () => Pusher::publish('kittens', 1);
echo outcome($publish), "\n";
ini_set('pusher.token', 'wr0ng');
echo outcome($publish), "\n";
ini_set('pusher.token', 's3cret-token-for-tests');
echo outcome($publish), "\n";

// The object's counts, also if it is to show none; each has its own connection.
$with = new Pusher(null, ['token' => 's3cret-token-for-tests']);
foreach (['wr0ng', ''] as $token) {
    ini_set('pusher.token', 's3cret-token-for-tests');
    echo outcome(fn () => (new Pusher(null, ['token' => $token]))->send('kittens', 1)), "\n";
    ini_set('pusher.token', $token);
    echo outcome(fn () => $with->send('kittens', 1)), "\n";
    echo outcome(fn () => (clone $with)->sendMany([['kittens', 1]])[0]), "\n";
}

// Not shown.
ob_start();
var_dump($with);
print_r($with);
var_export($with);
echo json_encode((array) $with), json_encode((new ReflectionProperty($with, 'options'))->getValue($with));
(function (Pusher $pusher) { debug_print_backtrace(); })($with);
$shown = ob_get_clean();
var_dump(str_contains($shown, 's3cret'), str_contains($shown, 'token'));

// Not in errors, nor in their traces.
foreach ([['token' => 'with space s3cret'], ['token' => "\xff s3cret"], ['token' => str_repeat('s3cret-token-for-tests', 1000)],
    ['token' => ['s3cret-token-for-tests']], ['token' => 's3cret-token-for-tests', 'timeout_ms' => 0]] as $options) {
    try {
        new Pusher(null, $options);
    } catch (PusherException $e) {
        echo $e->getMessage(), "\n";
        var_dump(str_contains(print_r($e, true), 's3cret'));
    }
}
ini_set('pusher.token', 'with space s3cret');
echo outcome($publish), "\n";
?>
--EXPECTF--
-10 tcp://127.0.0.1:%d after TIME refused to publish the event (denied: this server requires a token: [1,1,{"token":"..."}])
-10 tcp://127.0.0.1:%d after TIME refused to publish the event (denied: the token is wrong)
published to 0
-10 tcp://127.0.0.1:%d after TIME refused to publish the event (denied: the token is wrong)
published to 0
published to 0
-10 tcp://127.0.0.1:%d after TIME refused to publish the event (denied: this server requires a token: [1,1,{"token":"..."}])
published to 0
published to 0
bool(false)
bool(true)
token: a token is 1 to 1024 letters, digits and signs of ASCII, without blanks
bool(false)
token: a token is 1 to 1024 letters, digits and signs of ASCII, without blanks
bool(false)
token: a token is 1 to 1024 letters, digits and signs of ASCII, without blanks
bool(false)
token: must be an int or a string, not Array
bool(false)
timeout_ms: "0" is not a number of milliseconds from 1 to 600000
bool(false)
-5 pusher.token: a token is 1 to 1024 letters, digits and signs of ASCII, without blanks

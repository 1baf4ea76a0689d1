--TEST--
The constructor reports invalid arguments
--FILE--
<?php
require __DIR__ . '/../support/said.inc';

function with(mixed ...$arguments): void
{
    try {
        var_dump(new Pusher(...$arguments));
    } catch (Throwable $e) {
        echo $e::class, " {$e->getCode()}: ", said($e), "\n";
    }
}

with('tcp://127.0.0.1:1', ['timeout_ms' => 100, 'retry_ms' => '0', 'on_failure' => 'silent']);
with(options: ['timeout_ms' => 600_000]);
with('127.0.0.1');
with("tcp://\xff:1");
with('');
with(null, ['timeout' => 1]);
with(null, ["new\nline" => 1]);
with(null, ["\xff" => 1]);
with(null, [100]);
with(null, ['address' => 'tcp://127.0.0.1:1']);
with(null, ['timeout_ms' => 0]);
with(null, ['timeout_ms' => 1.5]);
with(null, ['timeout_ms' => null]);
with(null, ['timeout_ms' => true]);
with(null, ['timeout_ms' => '+5']);
with(null, ['timeout_ms' => '00000000000']);
with(null, ['timeout_ms' => '99999999999999999999']);
with('tcp://127.0.0.1:+5');
with('tcp://127.0.0.1:99999999999999999999');
with(null, ['on_failure' => "\u{85}\u{200b}\u{202e}\u{2028}\u{a0}\u{e0001}\0\x1b'é🐈 "]);
with(null, ['retry_ms' => -1]);
with(null, ['on_failure' => 'throw']);
with(null, ['on_failure' => []]);
with([]);
with(null, 'options');
ini_set('pusher.on_failure', 'ignore');
with();
?>
--EXPECTF--
object(Pusher)#%d (2) {
  ["address":"Pusher":private]=>
  string(17) "tcp://127.0.0.1:1"
  ["options":"Pusher":private]=>
  array(3) {
    ["timeout_ms"]=>
    int(100)
    ["retry_ms"]=>
    string(1) "0"
    ["on_failure"]=>
    string(6) "silent"
  }
}
object(Pusher)#%d (2) {
  ["address":"Pusher":private]=>
  NULL
  ["options":"Pusher":private]=>
  array(1) {
    ["timeout_ms"]=>
    int(600000)
  }
}
PusherException -5: address: "127.0.0.1" is not an address of pushd: the port is missing, as in 127.0.0.1:5555
PusherException -5: address: "tcp://\xff:1" is not valid UTF-8
PusherException -5: address: "" is not an address of pushd: the port is missing, as in 127.0.0.1:5555
PusherException -5: options: "timeout" is none of timeout_ms, retry_ms, on_failure, token, spool, spool_ttl
PusherException -5: options: "new\nline" is none of timeout_ms, retry_ms, on_failure, token, spool, spool_ttl
PusherException -5: options: "�" is none of timeout_ms, retry_ms, on_failure, token, spool, spool_ttl
PusherException -5: options: "0" is none of timeout_ms, retry_ms, on_failure, token, spool, spool_ttl
PusherException -5: options: "address" is none of timeout_ms, retry_ms, on_failure, token, spool, spool_ttl
PusherException -5: timeout_ms: "0" is not a number of milliseconds from 1 to 600000
PusherException -5: timeout_ms: must be an int or a string, not Double
PusherException -5: timeout_ms: must be an int or a string, not Null
PusherException -5: timeout_ms: must be an int or a string, not True
PusherException -5: timeout_ms: "+5" is not a number of milliseconds from 1 to 600000
PusherException -5: timeout_ms: "00000000000" is not a number of milliseconds from 1 to 600000
PusherException -5: timeout_ms: "99999999999999999999" is not a number of milliseconds from 1 to 600000
PusherException -5: address: "tcp://127.0.0.1:+5" is not an address of pushd: the port must be 1 to 65535, not "+5"
PusherException -5: address: "tcp://127.0.0.1:99999999999999999999" is not an address of pushd: the port must be 1 to 65535, not "99999999999999999999"
PusherException -5: on_failure: "\u{85}\u{200b}\u{202e}\u{2028}\u{a0}\u{e0001}\0\u{1b}\'é🐈 " is none of warning, exception, silent
PusherException -5: retry_ms: "-1" is not a number of milliseconds from 0 to 3600000
PusherException -5: on_failure: "throw" is none of warning, exception, silent
PusherException -5: on_failure: must be an int or a string, not Array
TypeError 0: Pusher::__construct(): Argument #1 ($address) must be of type ?string, array given
TypeError 0: Pusher::__construct(): Argument #2 ($options) must be of type array, string given
PusherException -5: pusher.on_failure: "ignore" is none of warning, exception, silent

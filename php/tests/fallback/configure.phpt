--TEST--
pusher_configure() changes settings, and null restores those of php.ini
--INI--
pusher.address=tcp://127.0.0.1:1
pusher.timeout_ms=10000
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

function outcome(): string
{
    try {
        return 'published, ' . Pusher::publish('kittens', 1)->sequence;
    } catch (PusherException $e) {
        return preg_replace('/after .*/', 'after ...', $e->getMessage());
    }
}

pusher_configure(['on_failure' => 'exception']);
echo outcome(), "\n";
$server = new FakePushd('answers');
pusher_configure(['address' => $server->address, 'retry_ms' => 0]);
echo outcome(), "\n";
pusher_configure(['timeout_ms' => 'soon']);
echo outcome(), "\n";
try {
    pusher_configure(['timeout_ms' => 100, 'timeout' => 1]);
} catch (ValueError $e) {
    echo $e->getMessage(), "\n";
}
echo outcome(), "\n";
pusher_configure(['timeout_ms' => null]);
echo outcome(), "\n";
pusher_configure(['address' => null]);
echo outcome(), "\n";
pusher_configure(['address' => $server->address, 'token' => 'two words']);
echo outcome(), "\n";
?>
--EXPECT--
can't connect to tcp://127.0.0.1:1 after ...
published, 1
pusher.timeout_ms: "soon" is not a number of milliseconds from 1 to 600000
pusher_configure(): "timeout" is none of address, timeout_ms, retry_ms, on_failure, token, spool, spool_ttl, ticket_key_file, push_url, ticket_domain, library
pusher.timeout_ms: "soon" is not a number of milliseconds from 1 to 600000
published, 2
can't connect to tcp://127.0.0.1:1 after ...
pusher.token: a token is 1 to 1024 letters, digits and signs of ASCII, without blanks

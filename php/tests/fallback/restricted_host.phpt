--TEST--
The fallback works with open_basedir, allow_url_fopen = Off and without optional extensions
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('answers');
$source = dirname(__DIR__, 2) . '/src';
$command = [PHP_BINARY, '-n'];
foreach (["open_basedir=$source", 'allow_url_fopen=0', "pusher.address=$server->address", 'pusher.timeout_ms=10000', 'error_reporting=32767'] as $setting) {
    array_push($command, '-d', $setting);
}
$code = "require '$source/pusher.php';" . <<<'PHP'
    set_error_handler(function (int $level, string $message): bool {
        echo "$message\n";
        return true;
    });
    echo Pusher::publish('kittens', 1)->sequence, (new Pusher())->send('kittens', 2)->sequence;
    foreach (['tcp://[::1', 'tcp://[nothing]:1', 'nowhere'] as $address) {
        try {
            new Pusher($address);
        } catch (PusherException $e) {
            echo "\n", $e->getMessage();
        }
    }
    Pusher::defer('kittens', 3);
    PHP;
$process = proc_open([...$command, '-r', $code], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
echo stream_get_contents($pipes[1]), "\n", Pusher::publish('kittens', 4)->sequence;
?>
--EXPECT--
12
address: "tcp://[::1" is not an address of pushd: an IPv6 address stands in brackets, as in [::1]:5555
address: "tcp://[nothing]:1" is not an address of pushd: "nothing" is not an IPv6 address
address: "nowhere" is not an address of pushd: the port is missing, as in 127.0.0.1:5555
4

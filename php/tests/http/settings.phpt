--TEST--
With an address of HTTP, a spool and a library are mistakes, and TLS has more time
--FILE--
<?php
use PusherFallback\Http;
use PusherFallback\Settings;

function mistake(array $settings): string
{
    $null = array_fill_keys(array_keys($settings), null);
    try {
        pusher_configure($settings);
        new Pusher();
        return 'none';
    } catch (PusherException $e) {
        return $e->getCode() === PusherException::CONFIG ? $e->getMessage() : (string) $e;
    } finally {
        pusher_configure($null);
    }
}

$https = ['address' => 'https://push.example.com/push', 'token' => 'the-secret-token'];
echo mistake($https), "\n", mistake($https + ['spool' => '/var/spool/pushd']), "\n", mistake($https + ['library' => '/usr/lib/libpusher.so.0']), "\n";
try {
    new Pusher('http://localhost:8081', ['spool' => '/var/spool/pushd']);
} catch (PusherException $e) {
    echo $e->getMessage(), "\n";
}

foreach (['https://push.example.com', 'http://127.0.0.1:5555', 'tcp://127.0.0.1:5555'] as $address) {
    pusher_configure(['address' => $address]);
    echo Settings::read(null, [])->timeoutMs, ' ', Settings::read(null, ['timeout_ms' => 7])->timeoutMs, ' ';
    pusher_configure(['timeout_ms' => 250]);
    echo Settings::read(null, [])->timeoutMs, "\n";
    pusher_configure(['timeout_ms' => null]);
}

// What a host may forbid.
function page(string $forbidden, string $address): string
{
    $source = dirname(__DIR__, 2) . '/src';
    $code = "require '$source/pusher.php';" . <<<'PHP'
        pusher_configure(['address' => $argv[1]]);
        try {
            new Pusher();
            echo 'nothing is missing';
        } catch (PusherException $e) {
            echo $e->getMessage();
        }
        PHP;
    $command = [PHP_BINARY, '-n', '-d', "disable_functions=$forbidden", '-r', $code, $address];
    $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
    return stream_get_contents($pipes[1]);
}

$ofTls = (new ReflectionClassConstant(Http::class, 'NEEDED_BY_TLS'))->getValue();
$all = (new ReflectionClassConstant(Http::class, 'NEEDED'))->getValue();
foreach ([...$all, ...$ofTls] as $function) {
    $needed = "pusher.address: PHP's $function() is missing here (see disable_functions in php.ini), and Pusher needs it for ";
    $ofHttp = in_array($function, $ofTls, true) ? 'nothing is missing' : "{$needed}http://localhost";
    if (page($function, 'https://localhost') !== "{$needed}https://localhost" || page($function, 'http://localhost') !== $ofHttp) {
        echo page($function, 'https://localhost'), "\n", page($function, 'http://localhost'), "\n";
    }
}
echo count($all), ' ', count($ofTls), "\n";
?>
--EXPECT--
none
pusher.spool: "/var/spool/pushd" can't be used together with the address https://push.example.com/push: only pushd on this machine publishes the events of a spool. Set it to an empty text
pusher.library: "/usr/lib/libpusher.so.0" can't be used together with the address https://push.example.com/push: libpusher has no HTTP. Set it to an empty text
pusher.spool: "/var/spool/pushd" can't be used together with the address http://localhost:8081: only pushd on this machine publishes the events of a spool. Set it to an empty text
2000 7 250
250 7 250
250 7 250
3 2

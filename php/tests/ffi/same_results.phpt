--TEST--
Receipts and errors are the same with libpusher and without it
--SKIPIF--
<?php class_exists('FFI') || print 'skip PHP has no FFI'; ?>
--INI--
ffi.enable=1
pusher.retry_ms=0
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/spool.inc';
require __DIR__ . '/../support/library.inc';

function outcome(string $behaviour): string
{
    $server = null;
    if ($behaviour === 'does not listen') {
        nobody_listens();
    } elseif ($behaviour === 'hangs') {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        pusher_configure(['address' => stream_socket_get_name($server, false), 'timeout_ms' => 100]);
    } else {
        $server = new FakePushd($behaviour);
    }
    $outcome = '';
    for ($i = 0; $i < 3; $i++) {
        try {
            $outcome .= json_encode(Pusher::publish('kittens', $i, exclude: $i === 2 ? '1.171' : null)) . "\n";
        } catch (PusherException $e) {
            $outcome .= "{$e->getCode()} {$e->getMessage()}\n";
        }
    }
    pusher_configure(['timeout_ms' => null]);
    return preg_replace('/127.0.0.1:\d+ after [0-9.]+ ms/', 'PUSHD', $outcome);
}

foreach (['exception', 'spool'] as $mode) {
    pusher_configure(['on_failure' => 'exception']);
    $spool = $mode === 'spool' ? new SpoolDirectory() : null;
    foreach ([
        'does not listen', 'hangs', 'answers', 'keeps events', 'shares its log', 'is of a later version', 'huge', 'gigantic',
        'closes', 'closes at the second', 'answers once, then closes', 'says goodbye', 'says goodbye at once', 'is too old to exclude',
        'overloaded', 'log unavailable', 'refuses', 'too large',
    ] as $behaviour) {
        if ($spool !== null && $behaviour !== 'does not listen' && $behaviour !== 'hangs') {
            continue;
        }
        pusher_configure(['library' => '']);
        $ofPhp = outcome($behaviour);
        pusher_configure(['library' => library()]);
        $ofLibrary = outcome($behaviour);
        echo $ofPhp === $ofLibrary ? '' : "$mode, $behaviour:\n$ofPhp--- with libpusher:\n$ofLibrary";
        $seen[] = $ofLibrary;
    }
    echo $spool?->events();
}
echo "\n", count(array_unique($seen)), " different outcomes\n", $seen[0];
?>
--EXPECT--
[0,1,2,0,1,2,0,1,2,0,1,2]
16 different outcomes
-6 can't connect to tcp://PUSHD (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?
-6 can't connect to tcp://PUSHD (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?
-6 can't connect to tcp://PUSHD (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?

--TEST--
A library that cannot be loaded is a mistake in pusher.library, with the reason
--SKIPIF--
<?php class_exists('FFI') || print 'skip PHP has no FFI'; ?>
--INI--
ffi.enable=1
pusher.on_failure=silent
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/script.inc';
require __DIR__ . '/../support/library.inc';

function outcome(string $library): string
{
    pusher_configure(['library' => $library]);
    try {
        return 'published, ' . Pusher::publish('kittens', 1)->sequence;
    } catch (PusherException $e) {
        return ($e->getCode() === PusherException::CONFIG ? 'CONFIG ' : '') . $e->getMessage();
    }
}

$server = new FakePushd('answers');
foreach (['libpusher.so', './libpusher.so', "/\0", '/no/such/libpusher.so', __FILE__, '', 'libpusher.so'] as $library) {
    echo outcome($library), "\n";
}
// Another library.
$others = preg_grep('~/libc\.so~', explode(' ', str_replace("\n", ' ', file_get_contents('/proc/self/maps'))));
echo preg_replace('~"/.*?"~', '"LIBC"', outcome(reset($others))), "\n";
// PHP's own connection still works.
echo (new Pusher())->sendMany([['kittens', 1]])[0]->sequence, "\n";

// A PHP without FFI, and one that forbids it.
$code = <<<'PHP'
    try {
        Pusher::publish('kittens', 1);
    } catch (PusherException $e) {
        echo $e->getCode(), ' ', preg_replace('~"/.*?"~', '"LIBRARY"', $e->getMessage());
    }
    PHP;
// script() ignores php.ini, where FFI may be.
echo run(script_command($code, ['pusher.library' => library()]));
echo run(script_command($code, ['pusher.library' => library()]), '-d', 'extension=ffi', '-d', 'ffi.enable=0');

/** Runs the command with these options, and not with the test's for FFI. */
function run(array $command, string ...$options): string
{
    foreach (preg_grep('/^(extension=.*ffi|ffi\.enable=)/', $command) as $index => $setting) {
        unset($command[$index - 1], $command[$index]);
    }
    array_splice($command, 2, 0, $options);
    $process = proc_open(array_values($command), [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
    return stream_get_contents($pipes[1]) . "\n";
}
?>
--EXPECTF--
CONFIG pusher.library: "libpusher.so" is not an absolute path, as in /usr/lib/libpusher.so.0
CONFIG pusher.library: "./libpusher.so" is not an absolute path, as in /usr/lib/libpusher.so.0
CONFIG pusher.library: "/\0" is not an absolute path, as in /usr/lib/libpusher.so.0
CONFIG pusher.library: PHP's FFI can't load "/no/such/libpusher.so" (Failed loading '/no/such/libpusher.so'%S): is it a file with libpusher for this system?
CONFIG pusher.library: PHP's FFI can't load "%s/cannot_load.php" (Failed loading '%s/cannot_load.php'%S): is it a file with libpusher for this system?
published, 1
CONFIG pusher.library: "libpusher.so" is not an absolute path, as in /usr/lib/libpusher.so.0
CONFIG pusher.library: PHP's FFI can't load "LIBC" (Failed resolving C function 'push_version'): is it a file with libpusher for this system?
2
-5 pusher.library: PHP's FFI can't load "LIBRARY" (Class "FFI" not found): is extension=ffi in php.ini?
-5 pusher.library: PHP's FFI can't load "LIBRARY" (FFI API is restricted by "ffi.enable" configuration directive): set ffi.enable=true in php.ini

--TEST--
100,000 publishes do not grow the memory of the process
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';

/** What the kernel counts, so that Rust's memory is in it as well as PHP's. */
function residentKb(): int
{
    preg_match('/^VmRSS:\s+(\d+) kB/m', file_get_contents('/proc/self/status'), $match);
    return (int) $match[1];
}

function publish(int $count): void
{
    for ($i = 0; $i < $count; $i++) {
        Pusher::publish('memory', ['title' => '新しい子猫', 'number' => $i]);
        if ($i % 100 === 0) {
            try {
                Pusher::publish('memory', NAN);
            } catch (PusherException) {
            }
        }
    }
}

ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
publish(1_000);
$first = Pusher::publish('memory', 'begin')->sequence;
$php = memory_get_usage();
$all = residentKb();
publish(100_000);
$php = memory_get_usage() - $php;
$all = residentKb() - $all;
echo abs($php) < 1_000 ? "PHP's is\n" : "PHP's: $php bytes\n";
echo $all < 256 ? "the process's is\n" : "the process's: $all KB\n";
echo Pusher::publish('memory', 'end')->sequence - $first, "\n";
?>
--EXPECT--
PHP's is
the process's is
100001

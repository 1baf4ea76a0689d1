--TEST--
Eight processes write large events at once, while the spool is renamed: none is lost, torn or out of order
--FILE--
<?php
require __DIR__ . '/../support/spool.inc';

const WRITERS = 8;
const EVENTS = 20;

nobody_listens();
$spool = new SpoolDirectory();
$children = [];
for ($writer = 0; $writer < WRITERS; $writer++) {
    $pid = pcntl_fork();
    if ($pid === 0) {
        for ($number = 0; $number < EVENTS; $number++) {
            Pusher::publish('kittens', [$writer, $number, str_repeat((string) $writer, 100_000)]);
        }
        exit;
    }
    $children[$pid] = true;
}

/** Takes the records out, as the daemon does. */
function drain(SpoolDirectory $spool): array
{
    if (!file_exists($spool->file())) {
        return [];
    }
    rename($spool->file(), "$spool->path/drained");
    $file = fopen("$spool->path/drained", 'r');
    flock($file, LOCK_EX);
    $lines = array_filter(explode("\n", stream_get_contents($file)), strlen(...));
    unlink("$spool->path/drained");
    return $lines;
}

$lines = [];
while ($children !== []) {
    array_push($lines, ...drain($spool));
    clearstatcache();
    $pid = pcntl_waitpid(-1, $status, WNOHANG);
    unset($children[$pid]);
}
array_push($lines, ...drain($spool));
$next = array_fill(0, WRITERS, 0);
foreach ($lines as $line) {
    [$checksum, $object] = explode(' ', $line, 2);
    [$writer, $number, $text] = json_decode($object)->event;
    if ($checksum !== hash('crc32b', $object) || $number !== $next[$writer]++ || $text !== str_repeat((string) $writer, 100_000)) {
        echo "wrong: $writer $number\n";
    }
}
echo implode(' ', $next), "\n";
?>
--EXPECT--
20 20 20 20 20 20 20 20

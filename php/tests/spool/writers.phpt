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

$records = [];
do {
    $pid = pcntl_waitpid(-1, $status, WNOHANG);
    unset($children[$pid]);
    array_push($records, ...$spool->take());
} while ($children !== []);
$next = array_fill(0, WRITERS, 0);
foreach ($records as $record) {
    [$writer, $number, $text] = $record->event;
    if ($number !== $next[$writer]++ || $text !== str_repeat((string) $writer, 100_000)) {
        echo "wrong: $writer $number\n";
    }
}
echo implode(' ', $next), "\n";
?>
--EXPECT--
20 20 20 20 20 20 20 20

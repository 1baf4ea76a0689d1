--TEST--
The extension and the fallback write to one spool at once: no event is lost, torn or out of order
--FILE--
<?php
require __DIR__ . '/../support/script.inc';
require __DIR__ . '/../support/spool.inc';

const WRITERS = 6;
const EVENTS = 40;

nobody_listens();
$spool = new SpoolDirectory();
$source = dirname(__DIR__, 2) . '/src/pusher.php';
$processes = [];
for ($writer = 0; $writer < WRITERS; $writer++) {
    $code = "for (\$n = 0; \$n < " . EVENTS . "; \$n++) {
        Pusher::publish('kittens', [$writer, \$n, extension_loaded('pusher'), str_repeat('x', 50_000)])->spooled || print 'not spooled';
    }";
    $settings = ['pusher.spool' => $spool->path];
    if ($writer % 2 === 0) {
        $command = script_command($code, $settings);
    } else {
        $settings = ['-d', "pusher.spool=$spool->path", '-d', 'pusher.address=' . ini_get('pusher.address')];
        $command = [PHP_BINARY, '-n', ...$settings, '-r', "require '$source'; $code"];
    }
    $processes[] = proc_open($command, [['file', '/dev/null', 'r'], STDOUT, STDERR], $pipes);
}

$records = [];
do {
    $isRunning = array_filter($processes, fn ($process) => proc_get_status($process)['running']) !== [];
    array_push($records, ...$spool->take());
} while ($isRunning);
$next = array_fill(0, WRITERS, 0);
foreach ($records as $record) {
    [$writer, $number, $isExtension, $text] = $record->event;
    if ($number !== $next[$writer]++ || $isExtension !== ($writer % 2 === 0) || strlen($text) !== 50_000) {
        echo "wrong: $writer $number\n";
    }
}
echo implode(' ', $next), "\n";
?>
--EXPECT--
40 40 40 40 40 40

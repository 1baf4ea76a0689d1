--TEST--
Loading opens nothing; a publish opens one connection, which child programs do not inherit
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

/** How many sockets a process has open; the test runner leaves some of its own to every test. */
function sockets(string|int $process): int
{
    $links = array_map(fn (string $path) => (string) @readlink($path), glob("/proc/$process/fd/*"));
    return count(preg_grep('/^socket:/', $links));
}

/** How many a program has that PHP starts. */
function socketsOfProgram(): int
{
    $program = proc_open(['cat'], [['pipe', 'r'], ['pipe', 'w']], $pipes);
    fwrite($pipes[0], 'started');
    fread($pipes[1], 7);
    return sockets(proc_get_status($program)['pid']);
}

/** How many the extension has open, as it says. */
function connections(): int
{
    ob_start();
    phpinfo(INFO_MODULES);
    return preg_match_all('/^Connection to .* => open$/m', ob_get_clean());
}

// When this is run again in the same process, there is the connection of last time.
$before = connections();
$others = sockets('self') - $before;
$inherited = socketsOfProgram();
$server = new FakePushd('answers');
var_dump(connections() - $before, sockets('self') - $others - $before);
for ($i = 0; $i < 3; $i++) {
    Pusher::publish('kittens', $i);
}
var_dump(connections() - $before, sockets('self') - $others - $before);
var_dump(socketsOfProgram() - $inherited);
?>
--EXPECT--
int(0)
int(0)
int(1)
int(1)
int(0)

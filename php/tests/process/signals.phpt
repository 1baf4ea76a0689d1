--TEST--
Signals neither shorten nor prolong the wait for an answer
--FILE--
<?php
$hole = stream_socket_server('tcp://127.0.0.1:0');
ini_set('pusher.address', 'tcp://' . stream_socket_get_name($hole, false));
ini_set('pusher.on_failure', 'silent');
ini_set('pusher.timeout_ms', 300);

$signals = 0;
pcntl_async_signals(true);
pcntl_signal(SIGUSR1, function () use (&$signals) { $signals++; }, restart_syscalls: false);
// Sends a signal every 20 ms, 50 times, so that it ends by itself.
$sender = proc_open(
    ['sh', '-c', 'i=0; while [ $i -lt 50 ]; do kill -USR1 ' . getmypid() . '; sleep 0.02; i=$((i+1)); done'],
    [],
    $pipes,
);
while ($signals === 0) {
    usleep(1_000);
}
$before = $signals;
$start = hrtime(true);
$receipt = Pusher::publish('kittens', 1);
$ms = (hrtime(true) - $start) / 1e6;
pcntl_signal_dispatch();
var_dump($receipt, $signals > $before, $ms >= 300, $ms < 800);
proc_terminate($sender, 9);
proc_close($sender);
?>
--EXPECT--
NULL
bool(true)
bool(true)
bool(true)

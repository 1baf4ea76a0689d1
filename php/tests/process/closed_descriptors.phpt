--TEST--
The output of a script without stdin, stdout and stderr never goes to pushd
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/script.inc';

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
$code = <<<'PHP'
    for ($i = 1; $i <= 3; $i++) {
        Pusher::publish('kittens', $i);
        echo '[3,4711,"kittens","printed"]', "\n";
    }
    PHP;
$closed = ['sh', '-c', '"$@" 0<&- 1>&- 2>&-', 'sh', ...script_command($code, ['ignore_user_abort' => 1])];
proc_close(proc_open($closed, [], $pipes));
echo $browser->event(), $browser->event(), $browser->event(), "\n";
Pusher::publish('kittens', 'end');
echo $browser->event(), "\n";
?>
--EXPECT--
123
"end"

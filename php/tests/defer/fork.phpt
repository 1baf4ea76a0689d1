--TEST--
A forked child sends its own deferred events, and not its parent's
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/script.inc';

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
echo script(<<<'PHP'
    Pusher::defer('kittens', 'parent');
    for ($i = 0; $i < 2; $i++) {
        $pid = pcntl_fork();
        if ($pid === 0) {
            $i === 0 || Pusher::defer('kittens', 'child');
            exit(0);
        }
        pcntl_waitpid($pid, $status);
        echo pcntl_wexitstatus($status);
    }
    Pusher::defer('kittens', 'parent again');
    PHP);
Pusher::publish('kittens', 'end');
for ($i = 0; $i < 4; $i++) {
    echo $browser->event(), ' ';
}
?>
--EXPECT--
00
"child" "parent" "parent again" "end" 

--TEST--
Deferred events are sent after memory_limit ended the script
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/script.inc';

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
echo script(<<<'PHP'
    register_shutdown_function(fn () => Pusher::defer('kittens', 'shutdown function'));
    Pusher::defer('kittens', 'before');
    echo 'page';
    str_repeat('x', 64 << 20);
    PHP, ['display_errors' => 0, 'memory_limit' => '8M']);
echo $browser->event(), $browser->event(), "\n";
?>
--EXPECT--
page
"before""shutdown function"

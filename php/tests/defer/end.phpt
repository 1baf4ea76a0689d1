--TEST--
Deferred events are sent in order at the end of the script, also after exit() or a fatal error
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/script.inc';

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');

/** Everything that comes until the script is known to have ended. */
function events(): void
{
    global $browser;
    Pusher::publish('kittens', 'end');
    while (($event = $browser->event()) !== '"end"') {
        echo "$event ";
    }
    echo "\n";
}

$defer = <<<'PHP'
    final class Late { public function __destruct() { Pusher::defer('kittens', 'destructor'); } }
    $late = new Late();
    register_shutdown_function(fn () => Pusher::defer('kittens', 'shutdown function'));
    Pusher::defer('kittens', ['title' => '新しい子猫'], 'an id');
    Pusher::defer('kittens', 'not seen', id: 'an id');
    Pusher::defer('puppies', 'another category');
    Pusher::publish('kittens', 'now');
    echo 'page ';
    PHP;
foreach ([
    'end' => '',
    'exit' => 'exit(3);',
    'uncaught exception' => 'throw new LogicException("uncaught");',
    'fatal error' => 'undefined();',
    'exit in a shutdown function' => 'register_shutdown_function(fn () => exit(3));',
] as $how => $code) {
    // Each its own id, since pushd remembers them.
    $printed = script(str_replace('an id', $how, $defer) . $code, ['display_errors' => 0]);
    echo "$how: $printed";
    events();
}
?>
--EXPECT--
end: page
"now" {"title":"新しい子猫"} "shutdown function" "destructor" 
exit: page
"now" {"title":"新しい子猫"} "shutdown function" "destructor" 
uncaught exception: page
"now" {"title":"新しい子猫"} "shutdown function" "destructor" 
fatal error: page
"now" {"title":"新しい子猫"} "shutdown function" "destructor" 
exit in a shutdown function: page
"now" {"title":"新しい子猫"} "shutdown function" "destructor" 

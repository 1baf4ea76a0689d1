--TEST--
defer() encodes at once and sends at the end, behind all that the page has to say
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
$entry = ['title' => 'as it was'];
Pusher::defer('kittens', $entry);
$entry['title'] = 'as it is';
foreach ([['', 1], ['kittens', NAN], ['kittens', str_repeat('x', 1 << 20)]] as $arguments) {
    try {
        Pusher::defer(...$arguments);
    } catch (PusherException $e) {
        echo $e->getMessage(), "\n";
    }
}
for ($i = 0; $i < 997; $i++) {
    Pusher::defer('others', $i);
}
register_shutdown_function(function () use ($browser) {
    echo "at shutdown\n";
    Pusher::defer('kittens', 'from there', 'id');
    try {
        Pusher::defer('kittens', 'the 1000th');
        Pusher::defer('kittens', 'too many');
    } catch (PusherException $e) {
        echo $e->getMessage(), "\n";
    }
    register_shutdown_function(function () use ($browser) {
        echo $browser->event(), $browser->event(), $browser->event(), "\n";
        // What is deferred later still goes.
        Pusher::defer('kittens', 'last');
        register_shutdown_function(fn () => register_shutdown_function(function () use ($browser) {
            echo $browser->event(), "\n";
            ini_set('pusher.address', 'tcp://127.0.0.1:1');
            ini_set('pusher.on_failure', 'exception');
            Pusher::defer('kittens', 'nobody listens');
        }));
    });
});
ob_start(fn (string $page): string => "[$page]");
echo "the page";
Pusher::publish('kittens', 'before');
echo $browser->event() === '"before"' ? '' : 'not in order';
?>
--EXPECTF--
the event was not published: the topic is empty
the event was not published: the data can't be encoded as JSON: Inf and NaN cannot be JSON encoded
the event was not published: the event is 1048578 bytes long, at most 1048576 are allowed
[the pageat shutdown
the event was not published: too much waits for the end of the request already: at most 1000 events of 8388608 bytes together
]{"title":"as it was"}"from there""the 1000th"
"last"

Warning: Pusher::defer(): 1 of 1 events have no receipt: can't connect to tcp://127.0.0.1:1 after %f ms (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers? in %s on line %d

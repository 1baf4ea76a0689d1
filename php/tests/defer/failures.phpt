--TEST--
If deferred events cannot be sent, there is one warning and no exception
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/script.inc';

$defer = 'Pusher::defer("kittens", 1); Pusher::defer("kittens", 2); Pusher::defer("kittens", 3); ';
$server = new FakePushd('answers once, then closes');
foreach (['warning', 'exception', 'silent'] as $mode) {
    echo "$mode: ", script($defer, ['pusher.on_failure' => $mode]);
}
unset($server);
echo script($defer);

// An error handler, which may do as it likes.
foreach (['echo "handled"; return true;', 'throw new LogicException("thrown");', 'exit("exit");', 'Pusher::defer("kittens", 4); echo "deferred again";'] as $handler) {
    echo script("set_error_handler(function () { static \$calls = 0; if (++\$calls > 1) return true; $handler return true; }); $defer");
}

// Settings are read when it is sent.
echo script("$defer ini_set('pusher.timeout_ms', 'soon');");
?>
--EXPECTF--
warning: Warning: %s: 2 of 3 deferred events have no receipt: the connection to tcp://%s
exception: Warning: %s: 2 of 3 deferred events have no receipt: the connection to tcp://%s
silent: 
Warning: %s: 3 of 3 deferred events have no receipt: can't connect to tcp://%s
handled
Fatal error: Uncaught LogicException: thrown in %A
exit
Warning: Pusher::defer(): 1 of 1 deferred events have no receipt: can't connect to tcp://%s
deferred again
Warning: %s: 3 of 3 deferred events have no receipt: pusher.timeout_ms: "soon" is not a number of milliseconds from 1 to 600000 in %s on line %d

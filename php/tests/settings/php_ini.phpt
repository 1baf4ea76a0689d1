--TEST--
Settings in php.ini are used unchanged, and an invalid one does not keep PHP from starting
--INI--
pusher.address=unix:/nonexistent/publish.sock
pusher.timeout_ms=soon
pusher.on_failure=exception
--FILE--
<?php
foreach ([null, '100'] as $timeout) {
    $timeout === null || ini_set('pusher.timeout_ms', $timeout);
    try {
        Pusher::publish('kittens', 1);
    } catch (PusherException $e) {
        echo "{$e->getCode()} {$e->getMessage()}\n";
    }
}
?>
--EXPECTF--
-5 pusher.timeout_ms: "soon" is not a number of milliseconds from 1 to 600000
-6 can't connect to unix:/nonexistent/publish.sock after %f ms (No such file or directory (os error 2)): is pushd running, and is this where it listens for publishers?

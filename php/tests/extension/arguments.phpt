--TEST--
Too many arguments are refused, as by PHP's own functions
--FILE--
<?php
foreach ([
    fn () => Pusher::publish('kittens', 1, null, false, null, null, 7),
    fn () => new Pusher(null, [], 1),
] as $call) {
    try {
        $call();
    } catch (ArgumentCountError $e) {
        echo $e->getMessage(), "\n";
    }
}
?>
--EXPECT--
Pusher::publish() expects at most 6 arguments, 7 given
Pusher::__construct() expects at most 2 arguments, 3 given

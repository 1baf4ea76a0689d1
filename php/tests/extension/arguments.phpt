--TEST--
Too few and too many arguments are refused, as PHP does for its own functions
--FILE--
<?php
foreach ([
    fn () => Pusher::publish('kittens'),
    fn () => Pusher::publish('kittens', 1, null, 3),
    fn () => new Pusher(null, [], 1),
] as $call) {
    try {
        $call();
    } catch (ArgumentCountError $e) {
        echo preg_replace('/(exactly|at least|at most) \d/', 'N', $e->getMessage()), "\n";
    }
}
?>
--EXPECT--
Pusher::publish() expects N arguments, 1 given
Pusher::publish() expects N arguments, 4 given
Pusher::__construct() expects N arguments, 3 given

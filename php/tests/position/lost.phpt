--TEST--
A lost answer is asked for again, over a new connection
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

foreach (['closes at the second', 'answers once, then closes', 'says goodbye'] as $behaviour) {
    $server = new FakePushd($behaviour);
    Pusher::publish('kittens', 1);
    echo "$behaviour: ", Pusher::position(), ' ', Pusher::position(), "\n";
}
?>
--EXPECT--
closes at the second: 6d1f3c5a9be02478-12 6d1f3c5a9be02478-12
answers once, then closes: 6d1f3c5a9be02478-12 6d1f3c5a9be02478-12
says goodbye: 6d1f3c5a9be02478-12 6d1f3c5a9be02478-12

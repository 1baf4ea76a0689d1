--TEST--
PusherException is a RuntimeException whose code is one of its constants
--FILE--
<?php
try {
    Pusher::publish('', 1);
} catch (RuntimeException $e) {
    var_dump($e instanceof PusherException, $e->getCode() === PusherException::TOPIC);
    var_dump(basename($e->getFile()) === basename(__FILE__), $e->getLine());
}

// A site may derive its own, as from any exception.
class SitePusherException extends PusherException {}
$own = new SitePusherException('message', PusherException::BUSY, $e);
var_dump($own->getCode(), $own->getPrevious() === $e);
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
int(3)
int(-11)
bool(true)

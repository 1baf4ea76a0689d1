--TEST--
A stopped pushd costs the timeout; after it continues, each publish gets its own receipt
--INI--
pusher.retry_ms=0
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

ini_set('pusher.on_failure', 'exception');
$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
$last = Pusher::publish('kittens', 1)->sequence;
$pushd->stop();
for ($i = 0; $i < 3; $i++) {
    try {
        ini_set('pusher.timeout_ms', 50);
        Pusher::publish('stopped', $i);
    } catch (PusherException $e) {
        var_dump($e->getCode() === PusherException::TIMEOUT);
    }
}
$pushd->goOn();
ini_set('pusher.timeout_ms', 10_000);
for ($i = 2; $i < 10; $i++) {
    $receipt = Pusher::publish('kittens', $i);
    // The events of the other topic have numbers, too.
    if ($receipt->sequence <= $last || $receipt->subscribers !== 1) {
        echo "receipt of another: ";
        print_r($receipt);
    }
    $last = $receipt->sequence;
}
for ($i = 1; $i < 10; $i++) {
    echo $browser->event(), ' ';
}
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
1 2 3 4 5 6 7 8 9

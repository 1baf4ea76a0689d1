--TEST--
An object publishes with its own settings, and with those of php.ini for the rest
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/fake_pushd.inc';

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
$there = new Pusher($pushd->address);

// The settings lead elsewhere now.
$elsewhere = new FakePushd('refuses');
var_dump($there->send('kittens', ['title' => '新しい子猫']));
echo $browser->event(), "\n";

// Of an object without an address they are the address, at the time when it sends.
$default = new Pusher();
ini_set('pusher.address', $pushd->address);
echo $default->send('kittens', 'default')->subscribers, $browser->event(), "\n";
echo (new Pusher(null, ['timeout_ms' => 10_000]))->send('kittens', 'null')->subscribers, $browser->event(), "\n";

// What becomes of failures.
foreach (['silent', 'exception', 'warning'] as $mode) {
    try {
        var_dump((new Pusher($elsewhere->address, ['on_failure' => $mode]))->send('kittens', 1));
    } catch (PusherException $e) {
        echo "thrown\n";
    }
}
ini_set('pusher.on_failure', 'silent');
var_dump((new Pusher($elsewhere->address))->send('kittens', 1));

// The static method has no object's settings, on an object either.
ini_set('pusher.address', $elsewhere->address);
var_dump($there->publish('kittens', 'static'), $there::publish('kittens', 'static'));

// Mistakes throw.
try {
    $there->send('', 1);
} catch (PusherException $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECTF--
object(PusherReceipt)#%d (6) {
  ["subscribers"]=>
  int(1)
  ["sequence"]=>
  int(%d)
  ["position"]=>
  string(%d) "%x-%d"
  ["stored"]=>
  string(6) "memory"
  ["nodes"]=>
  NULL
  ["spooled"]=>
  bool(false)
}
{"title":"新しい子猫"}
1"default"
1"null"
NULL
thrown

Warning: Pusher::send(): tcp://127.0.0.1:%d after %f ms refused to publish the event (denied: not you)%Sin %ssend.php on line 24%S
NULL
NULL
NULL
NULL
the event was not published: the topic is empty

--TEST--
After pushd was restarted the next publish arrives, without a warning
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
$first = Pusher::publish('kittens', 'before');
$pushd->kill();
$pushd = new Pushd($pushd->address);
$browser = new Browser($pushd, 'kittens');
$second = Pusher::publish('kittens', 'after');
var_dump($first->sequence, $second->subscribers);
echo $browser->event(), "\n";
?>
--EXPECT--
int(1)
int(1)
"after"

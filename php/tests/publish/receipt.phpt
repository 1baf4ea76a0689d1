--TEST--
A receipt has the number of browsers, and the number of the event, which grows
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

$pushd = new Pushd();
var_dump(Pusher::publish('kittens', 'nobody looks'));

$one = new Browser($pushd, 'kittens');
$two = new Browser($pushd, 'kittens');
$other = new Browser($pushd, 'puppies');
$first = Pusher::publish('kittens', ['n' => 1]);
$puppies = Pusher::publish('puppies', ['n' => 2]);
$second = Pusher::publish('kittens', ['n' => 3]);
echo "$first->subscribers, $puppies->subscribers, $second->subscribers browsers\n";
var_dump($second->sequence > $first->sequence);
echo $one->event(), $two->event(), $other->event(), $one->event(), "\n";
?>
--EXPECTF--
object(PusherReceipt)#%d (6) {
  ["subscribers"]=>
  int(0)
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
2, 1, 2 browsers
bool(true)
{"n":1}{"n":1}{"n":2}{"n":3}

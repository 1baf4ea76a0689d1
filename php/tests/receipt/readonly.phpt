--TEST--
A receipt is read-only, and only a publish makes one
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('answers');
$receipt = Pusher::publish('kittens', 1);
foreach ([
    function () use ($receipt) { $receipt->sequence = 2; },
    function () use ($receipt) { $receipt->sequence++; },
    function () use ($receipt) { $reference = &$receipt->subscribers; },
    function () use ($receipt) { unset($receipt->subscribers); },
    function () use ($receipt) { $receipt->position = '6d1f3c5a9be02478-1'; },
    function () use ($receipt) { $receipt->stored .= ' well'; },
    function () use ($receipt) { $receipt->nodes = 2; },
    function () use ($receipt) { $receipt->spooled = true; },
    function () use ($receipt) { $receipt->else = 1; },
    function () { new PusherReceipt(); },
] as $attempt) {
    try {
        $attempt();
        echo "worked\n";
    } catch (Error $e) {
        echo $e->getMessage(), "\n";
    }
}
var_dump($receipt, isset($receipt->sequence), isset($receipt->else));
?>
--EXPECTF--
Cannot modify readonly property PusherReceipt::$sequence
Cannot modify readonly property PusherReceipt::$sequence
Cannot%Smodify readonly property PusherReceipt::$subscribers
Cannot unset readonly property PusherReceipt::$subscribers
Cannot modify readonly property PusherReceipt::$position
Cannot modify readonly property PusherReceipt::$stored
Cannot modify readonly property PusherReceipt::$nodes
Cannot modify readonly property PusherReceipt::$spooled
Cannot create dynamic property PusherReceipt::$else
Call to private PusherReceipt::__construct() from %s
object(PusherReceipt)#%d (6) {
  ["subscribers"]=>
  int(1)
  ["sequence"]=>
  int(1)
  ["position"]=>
  NULL
  ["stored"]=>
  string(2) "no"
  ["nodes"]=>
  NULL
  ["spooled"]=>
  bool(false)
}
bool(true)
bool(false)

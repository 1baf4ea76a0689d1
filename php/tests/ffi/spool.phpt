--TEST--
Events of libpusher and of PHP share the spool, and keep their order
--SKIPIF--
<?php class_exists('FFI') || print 'skip PHP has no FFI'; ?>
--INI--
ffi.enable=1
pusher.retry_ms=0
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/spool.inc';
require __DIR__ . '/../support/library.inc';

pusher_configure(['library' => library(), 'on_failure' => 'exception']);
$spool = new SpoolDirectory();
nobody_listens();
var_dump(Pusher::publish('kittens', 1));
var_dump((new Pusher())->sendMany([['kittens', 2]])[0]->spooled);

// A DRAIN comes before the event.
$server = new FakePushd('answers');
var_dump(Pusher::publish('kittens', 3)->spooled);
echo $server->requests(), "\n";
$server = new FakePushd('drains for ever');
pusher_configure(['timeout_ms' => 50]);
var_dump(Pusher::publish('kittens', 4)->spooled);
echo $spool->events(), "\n";

pusher_configure(['timeout_ms' => 10_000]);
$pushd = new Pushd(arguments: ['--spool-dir', $spool->path]);
$sequence = Pusher::publish('kittens', 5)->sequence;
var_dump($sequence, Pusher::publish('kittens', 6)->sequence);
echo $spool->events(), "\n";
?>
--EXPECTF--
object(PusherReceipt)#%d (6) {
  ["subscribers"]=>
  int(0)
  ["sequence"]=>
  int(0)
  ["position"]=>
  NULL
  ["stored"]=>
  string(2) "no"
  ["nodes"]=>
  NULL
  ["spooled"]=>
  bool(true)
}
bool(true)
bool(false)
1 8 3
bool(true)
[1,2,4]
int(4)
int(5)
[]

--TEST--
After an event went to the spool, the next connection asks for the spool first
--INI--
pusher.retry_ms=0
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/spool.inc';

nobody_listens();
$spool = new SpoolDirectory();
var_dump(Pusher::publish('kittens', 1)->spooled);

// It has drained its spool.
$server = new FakePushd('answers');
var_dump(Pusher::publish('kittens', 2)->spooled);
var_dump(Pusher::publish('kittens', 3)->spooled);
echo $server->requests(), "\n";

// It is older.
nobody_listens();
var_dump(Pusher::publish('kittens', 4)->spooled);
$server = new FakePushd('has no drain');
var_dump((new Pusher())->sendMany([['kittens', 5], ['kittens', 6]])[1]->spooled);
echo $server->requests(), "\n";

// It is still draining: later events follow the earlier ones.
nobody_listens();
var_dump(Pusher::publish('kittens', 7)->spooled);
$server = new FakePushd('drains for ever');
ini_set('pusher.timeout_ms', 50);
var_dump(Pusher::publish('kittens', 8)->spooled);
var_dump((new Pusher())->sendMany([['kittens', 9]])[0]->spooled);
echo $spool->events(), "\n";
?>
--EXPECT--
bool(true)
bool(false)
bool(false)
1 8 3 3
bool(true)
bool(false)
1 8 3 3
bool(true)
bool(true)
bool(true)
[1,4,7,8,9]

--TEST--
The next request, which has forgotten that events were spooled, asks for the spool first if it has records
--FILE--
<?php
require __DIR__ . '/../support/script.inc';
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/spool.inc';

nobody_listens();
$spool = new SpoolDirectory();
Pusher::publish('kittens', 1);
$server = new FakePushd('answers');
$code = "foreach ([2, 3] as \$n) { echo var_export(Pusher::publish('kittens', \$n)->spooled, true), ' '; }";
echo script($code, ['pusher.spool' => $spool->path]);
// pushd publishes them.
rename($spool->file(), "$spool->path/draining-1");
echo script($code, ['pusher.spool' => $spool->path]);
unlink("$spool->path/draining-1");
echo script($code, ['pusher.spool' => $spool->path]), $server->requests(), "\n";
?>
--EXPECT--
false false
false false
false false
1 8 3 3 1 8 3 3 1 3 3

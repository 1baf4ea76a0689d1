--TEST--
Deferred events are spooled at the end of the script
--FILE--
<?php
require __DIR__ . '/../support/script.inc';
require __DIR__ . '/../support/spool.inc';

nobody_listens();
$spool = new SpoolDirectory();
echo script("Pusher::defer('kittens', 1); Pusher::defer('kittens', 2, null, true, 9); echo 'page';", ['pusher.spool' => $spool->path]);
foreach ($spool->records() as $record) {
    echo $record->event, ' ', $record->ttl, ' ', var_export(isset($record->latest), true), "\n";
}
?>
--EXPECT--
page
1 300 false
2 9 true

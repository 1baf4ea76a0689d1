--TEST--
If no server listens, events wait in the spool, with their options and an id
--FILE--
<?php
require __DIR__ . '/../support/spool.inc';

nobody_listens();
$spool = new SpoolDirectory();
$before = (int) (microtime(true) * 1000);
ini_set('pusher.token', 's3cret');
var_dump(Pusher::publish('日本/語', ['title' => "新しい\n子猫"], 'order-7', latest: true, ttl: 60));
ini_restore('pusher.token');
ini_set('pusher.spool_ttl', '7');
$receipts = (new Pusher())->sendMany(['a' => ['t', 1], 'b' => ['t', 2, 'my id', 'latest' => true, 'ttl' => null], 'c' => ['t', 3, 'ttl' => 9]]);
ini_restore('pusher.spool_ttl');
var_dump(array_map(fn ($receipt) => $receipt->spooled, $receipts));
var_dump((new Pusher(null, ['spool_ttl' => 8]))->send('t', 4)->spooled);
ini_set('pusher.token', 's3cret');
var_dump(Pusher::publish('t', 5, exclude: '1.171')->spooled);
ini_restore('pusher.token');

foreach ($spool->records() as $record) {
    $isNow = $record->time >= $before && $record->time <= microtime(true) * 1000;
    $record->time = $isNow ? 'now' : $record->time;
    $record->id = preg_replace('/\A[0-9a-f]{32}\z/', 'random', $record->id);
    echo json_encode($record, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
}
$ids = array_column($spool->records(), 'id');
var_dump(count(array_unique($ids)) === count($ids));
printf("%o, %d name\n", fileperms($spool->file()) & 0777, count(scandir($spool->path)) - 2);
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
array(3) {
  ["a"]=>
  bool(true)
  ["b"]=>
  bool(true)
  ["c"]=>
  bool(true)
}
bool(true)
bool(true)
{"v":1,"time":"now","ttl":60,"topic":"日本/語","id":"order-7","latest":true,"token":"s3cret","event":{"title":"新しい\n子猫"}}
{"v":1,"time":"now","ttl":7,"topic":"t","id":"random","event":1}
{"v":1,"time":"now","ttl":7,"topic":"t","id":"my id","latest":true,"event":2}
{"v":1,"time":"now","ttl":9,"topic":"t","id":"random","event":3}
{"v":1,"time":"now","ttl":8,"topic":"t","id":"random","event":4}
{"v":1,"time":"now","ttl":300,"topic":"t","id":"random","exclude":"1.171","token":"s3cret","event":5}
bool(true)
660, 1 name

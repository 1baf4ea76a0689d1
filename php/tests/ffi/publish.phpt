--TEST--
With pusher.library, libpusher publishes single events, and receipts are the same
--SKIPIF--
<?php class_exists('FFI') || print 'skip PHP has no FFI'; ?>
--INI--
ffi.enable=1
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/library.inc';

$pushd = new Pushd(token: 'a-token-of-the-test');
pusher_configure(['library' => library(), 'token' => 'a-token-of-the-test']);
$own = new Browser($pushd, 'kittens');
$other = new Browser($pushd, 'kittens');
$streams = count(get_resources('stream'));
var_dump($first = Pusher::publish('kittens', ['title' => '猫']));
var_dump((new Pusher())->send('kittens', 2, 'entry-7') == (new Pusher())->send('kittens', 'again', 'entry-7'));
var_dump(Pusher::publish('kittens', 'for the other', exclude: $own->session)->subscribers);
var_dump(Pusher::publish('kittens', $large = str_repeat('x', 3_000_000))->sequence - $first->sequence);
// PHP has opened no connection.
var_dump(count(get_resources('stream')) - $streams);

// The rest goes over PHP's own: batches, positions, and an id that C would cut off.
var_dump(Pusher::publish('kittens', 5, "entry\0 1") == Pusher::publish('kittens', 6, "entry\0 2"));
var_dump((new Pusher())->sendMany([['kittens', 7]])[0]->subscribers);
var_dump(Pusher::position() === Pusher::publish('puppies', 8)->position);
var_dump(count(get_resources('stream')) - $streams);

foreach ([$own, $other] as $browser) {
    do {
        $event = $browser->event();
        echo $event === json_encode($large) ? 'large' : $event, ' ';
    } while ($event !== '7');
    echo "\n";
}
?>
--EXPECTF--
object(PusherReceipt)#%d (6) {
  ["subscribers"]=>
  int(2)
  ["sequence"]=>
  int(1)
  ["position"]=>
  string(18) "%x-1"
  ["stored"]=>
  string(6) "memory"
  ["nodes"]=>
  NULL
  ["spooled"]=>
  bool(false)
}
bool(true)
int(2)
int(3)
int(0)
bool(false)
int(2)
bool(false)
int(1)
{"title":"猫"} 2 large 5 6 7 
{"title":"猫"} 2 "for the other" large 5 6 7 

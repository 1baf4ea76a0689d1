--TEST--
A second publish with the same id and category is answered with the first receipt
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/said.inc';

ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
$first = Pusher::publish('kittens', 'first', 'entry-4711');
$again = (new Pusher())->send('kittens', 'again', id: 'entry-4711');
$other = Pusher::publish('kittens', 'other', 'entry-4712');
var_dump($again == $first, $other->sequence > $first->sequence);
Pusher::publish('kittens', 'none');
Pusher::publish('kittens', 'null', null);
Pusher::publish('kittens', '255 bytes', str_repeat('猫', 85));
Pusher::publish('puppies', 'another category', 'entry-4711');
for ($i = 0; $i < 5; $i++) {
    echo $browser->event(), ' ';
}
echo "\n";

foreach (['', str_repeat('x', 256), "\xff", [], 7] as $id) {
    try {
        var_dump(Pusher::publish('kittens', 'mistake', $id)->subscribers);
    } catch (PusherException $e) {
        var_dump($e->getCode() === PusherException::ID);
        echo $e->getMessage(), "\n";
    } catch (TypeError $e) {
        echo said($e), "\n";
    }
}
?>
--EXPECT--
bool(true)
bool(true)
"first" "other" "none" "null" "255 bytes" 
bool(true)
the event was not published: the id is empty
bool(true)
the event was not published: the id is 256 bytes long, at most 255 are allowed
bool(true)
the event was not published: the id is not valid UTF-8
Pusher::publish(): Argument #3 ($id) must be of type ?string, array given
int(1)

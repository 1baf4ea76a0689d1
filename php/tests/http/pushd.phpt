--TEST--
By HTTP, a real pushd takes every request as by the native protocol
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/tickets.inc';

const TOKEN = 'a-token-of-pushd';
$file = new KeyFile();
$pushd = new Pushd(token: TOKEN, arguments: ['--presence', 'chat*', '--ticket-key-file', $file->path]);
$native = $pushd->address;
pusher_configure(['address' => str_replace('tcp:', 'http:', $native), 'token' => TOKEN, 'on_failure' => 'exception']);

// Web servers and pushd decode the path.
foreach (['kittens', 'kittens and 猫?#%', 'http://example.com/a//b/../c', 'shop.example/posts', '/a/', '.'] as $topic) {
    $browser = new Browser($pushd, $topic);
    $receipt = Pusher::publish($topic, ['n' => 1.5, '猫' => "\n"]);
    echo $topic, ' ', $receipt->subscribers, ' ', $receipt->sequence, ' ', $receipt->stored, ' ', $browser->event(), "\n";
    var_dump($receipt->position === Pusher::position());
}

// Both protocols know the same ids.
$once = Pusher::publish('kittens', 'once', 'an "id" 猫');
pusher_configure(['address' => $native]);
var_dump(Pusher::publish('kittens', 'twice', 'an "id" 猫')->sequence === $once->sequence);
pusher_configure(['address' => str_replace('tcp:', 'http:', $native)]);
foreach ([" blank", "line\r\nAuthorization: x", "NUL\0"] as $id) {
    try {
        Pusher::publish('kittens', 'mistake', $id);
    } catch (PusherException $e) {
        echo $e->getCode() === PusherException::ID ? $e->getMessage() : $e, "\n";
    }
}

$own = new Browser($pushd, 'chat', Pusher::ticket(['chat'], sub: '7/猫'));
$other = new Browser($pushd, 'chat');
Pusher::publish('chat', 'to the others', exclude: $own->session);
echo $other->event(), ' ', json_encode(Pusher::presence('chat'), JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";

// More than are sent at once. One of them has a mistake that the others do not share.
$events = array_map(fn (int $n): array => ['chat', $n], range(0, 199));
$events['wrong'] = ['chat', 'wrong', "\n"];
pusher_configure(['on_failure' => 'silent']);
$receipts = (new Pusher())->sendMany($events);
pusher_configure(['on_failure' => 'exception']);
echo count(array_filter($receipts)), ' ';
var_dump($receipts['wrong']);
$got = array_map(fn (): string => $other->event(), range(0, 199));
var_dump($got === array_map(strval(...), range(0, 199)));
var_dump(Pusher::revoke('7/猫'));

$large = str_repeat('x', 3 * 1024 * 1024 - 2);
var_dump(Pusher::publish('large', $large)->sequence > 200);
try {
    Pusher::presence('kittens');
} catch (PusherException $e) {
    echo preg_replace('/^.*ms /', '', $e->getMessage()), "\n";
}
pusher_configure(['token' => 'another-token-of-pushd']);
foreach ([fn () => Pusher::publish('kittens', 1), fn () => (new Pusher())->sendMany([['a', 1], ['b', 2]])] as $publish) {
    try {
        $publish();
    } catch (PusherException $e) {
        echo $e->getCode(), preg_replace('#http.*ms#', ' ADDRESS', $e->getMessage()), "\n";
    }
}
?>
--EXPECT--
kittens 1 1 memory {"n":1.5,"猫":"\n"}
bool(true)
kittens and 猫?#% 1 2 memory {"n":1.5,"猫":"\n"}
bool(true)
http://example.com/a//b/../c 1 3 memory {"n":1.5,"猫":"\n"}
bool(true)
shop.example/posts 1 4 memory {"n":1.5,"猫":"\n"}
bool(true)
/a/ 1 5 memory {"n":1.5,"猫":"\n"}
bool(true)
. 1 6 memory {"n":1.5,"猫":"\n"}
bool(true)
bool(true)
the event was not published: by HTTP, an id has no control characters, and no blank at its start or end
the event was not published: by HTTP, an id has no control characters, and no blank at its start or end
the event was not published: by HTTP, an id has no control characters, and no blank at its start or end
"to the others" {"count":1,"members":[{"sub":"7/猫"}]}
200 NULL
bool(true)
int(1)
bool(true)
refused to report presence (presence_off: topic "kittens" has no presence: add it to the setting presence)
-10 ADDRESS refused to publish the event (denied: the token is wrong)
-102 of 2 events have no receipt:  ADDRESS refused to publish the event (denied: the token is wrong)

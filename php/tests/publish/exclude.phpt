--TEST--
The page that caused an event does not get it, if the publish names its session
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/said.inc';

ini_set('pusher.timeout_ms', 10_000);
$pushd = new Pushd();
$own = new Browser($pushd, 'kittens');
$other = new Browser($pushd, 'kittens');
var_dump(Pusher::publish('kittens', 'publish', exclude: $own->session)->subscribers);
(new Pusher())->send('kittens', 'send', 'with an id', exclude: $own->session);
// Each form of a session.
$words = array_map(hexdec(...), str_split($own->session, 8));
$socketId = sprintf('%u.%u', $words[0] << 32 | $words[1], $words[2] << 32 | $words[3]);
$number = (($words[2] << 32 | $words[3]) & (1 << 53) - 1) + 1;
(new Pusher())->sendMany([
    ['kittens', 'A.B', 'exclude' => $socketId],
    ['kittens', 'a number', 'exclude' => $number],
    ['kittens', 'upper case', 'exclude' => strtoupper($own->session)],
    ['kittens', 'for all', 'exclude' => null],
]);
for ($i = 0; $i < 6; $i++) {
    echo $other->event(), ' ';
}
echo "\n", $own->event(), "\n";

foreach (['', 'undefined', '0', '18446744073709551616.1', '9007199254740993', "\xff", []] as $exclude) {
    try {
        Pusher::publish('kittens', 'mistake', exclude: $exclude);
    } catch (PusherException $e) {
        var_dump($e->getCode() === PusherException::ID);
        echo $e->getMessage(), "\n";
    } catch (TypeError $e) {
        echo said($e), "\n";
    }
}
?>
--EXPECT--
int(2)
"publish" "send" "A.B" "a number" "upper case" "for all" 
"for all"
bool(true)
the event was not published: exclude: a session is 32 hexadecimal digits (pusher.js, WAMP v1), two decimal numbers with a dot between them (Pusher Channels), or a number from 1 to 9007199254740992 (WAMP v2)
bool(true)
the event was not published: exclude: a session is 32 hexadecimal digits (pusher.js, WAMP v1), two decimal numbers with a dot between them (Pusher Channels), or a number from 1 to 9007199254740992 (WAMP v2)
bool(true)
the event was not published: exclude: a session is 32 hexadecimal digits (pusher.js, WAMP v1), two decimal numbers with a dot between them (Pusher Channels), or a number from 1 to 9007199254740992 (WAMP v2)
bool(true)
the event was not published: exclude: a session is 32 hexadecimal digits (pusher.js, WAMP v1), two decimal numbers with a dot between them (Pusher Channels), or a number from 1 to 9007199254740992 (WAMP v2)
bool(true)
the event was not published: exclude: a session is 32 hexadecimal digits (pusher.js, WAMP v1), two decimal numbers with a dot between them (Pusher Channels), or a number from 1 to 9007199254740992 (WAMP v2)
bool(true)
the event was not published: exclude is not valid UTF-8
Pusher::publish(): Argument #6 ($exclude) must be of type ?string, array given

--TEST--
A real pushd reports the members of a topic with presence
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/tickets.inc';

$file = new KeyFile();
$pushd = new Pushd(arguments: ['--presence', 'chat*', '--ticket-key-file', $file->path]);
echo json_encode(Pusher::presence('chat')), "\n";
// The info of the ticket that was signed later counts, in whole seconds.
do {
    $second = time();
    $first = Pusher::ticket(['chat'], sub: '7', info: ['name' => '猫', 'friends' => [1, 2.5]]);
    $again = Pusher::ticket(['chat'], sub: '7', info: ['name' => 'again']);
} while (time() !== $second);
$browsers = [
    new Browser($pushd, 'chat', $first),
    new Browser($pushd, 'chat', $again),
    new Browser($pushd, 'chat', Pusher::ticket(['chat'], sub: '9')),
    new Browser($pushd, 'chat'),
];
['count' => $count, 'members' => $members] = Pusher::presence('chat');
usort($members, fn ($a, $b) => $a['sub'] <=> $b['sub']);
var_dump($count, $members);
ini_set('pusher.on_failure', 'exception');
try {
    Pusher::presence('kittens');
} catch (PusherException $e) {
    var_dump($e->getCode() === PusherException::REFUSED);
    echo preg_replace('/^.*ms /', '', $e->getMessage()), "\n";
}
?>
--EXPECT--
{"count":0,"members":[]}
int(2)
array(2) {
  [0]=>
  array(2) {
    ["sub"]=>
    string(1) "7"
    ["info"]=>
    array(2) {
      ["name"]=>
      string(3) "猫"
      ["friends"]=>
      array(2) {
        [0]=>
        int(1)
        [1]=>
        float(2.5)
      }
    }
  }
  [1]=>
  array(1) {
    ["sub"]=>
    string(1) "9"
  }
}
bool(true)
refused to report presence (presence_off: topic "kittens" has no presence: add it to the setting presence)

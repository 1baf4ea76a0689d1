--TEST--
A real pushd lets a browser with the ticket subscribe to its topics only
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/tickets.inc';

function refusal(?string $ticket, string $topic = 'user.8.news'): void
{
    global $pushd;
    try {
        new Browser($pushd, $topic, $ticket);
        echo "subscribed\n";
    } catch (RuntimeException $e) {
        echo strstr($e->getMessage(), '['), "\n";
    }
}

$file = new KeyFile();
$pushd = new Pushd(arguments: ['--private-topics', 'user.*', '--ticket-key-file', $file->path]);
$ticket = Pusher::ticket(['user.7.*', 'other'], 60, '7', ['name' => '猫']);
$browser = new Browser($pushd, 'user.7.news', $ticket);
Pusher::publish('user.7.news', 'for 7');
echo $browser->event(), "\n";
refusal($ticket);
refusal(null);
refusal($ticket . 'A');
refusal(Pusher::ticket(['user.8.*']));
refusal(null, 'public');
// A key that pushd does not have.
$other = new KeyFile(KeyFile::NEW);
refusal(Pusher::ticket(['user.8.*']));
?>
--EXPECT--
"for 7"
[8,"pushd:denied",{"topic":"user.8.news","code":"ticket_topic"}]
[8,"pushd:denied",{"topic":"user.8.news","code":"ticket_missing"}]
[8,"pushd:denied",{"topic":"user.8.news","code":"ticket_signature"}]
subscribed
subscribed
[8,"pushd:denied",{"topic":"user.8.news","code":"ticket_unknown_key"}]

--TEST--
A revocation ends the private subscriptions of a user at a real pushd, and no one else's
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/tickets.inc';

$file = new KeyFile();
$pushd = new Pushd(arguments: ['--private-topics', 'orders.*', '--ticket-key-file', $file->path]);
$ticket = Pusher::ticket(['orders.*'], sub: '猫');
$first = new Browser($pushd, 'orders.42', $ticket);
$second = new Browser($pushd, 'orders.43', $ticket);
$other = new Browser($pushd, 'orders.42', Pusher::ticket(['orders.*'], sub: '8'));
var_dump(Pusher::revoke('nobody'));
var_dump(Pusher::revoke('猫'));
echo $first->message(), "\n", $second->message(), "\n";
var_dump(Pusher::publish('orders.42', 'news')->subscribers);
echo $other->event(), "\n";
try {
    new Browser($pushd, 'orders.42', $ticket);
} catch (RuntimeException $e) {
    echo strstr($e->getMessage(), '['), "\n";
}
var_dump(Pusher::revoke('猫'));
?>
--EXPECT--
int(0)
int(2)
[8,"pushd:denied",{"topic":"orders.42","code":"ticket_revoked"}]
[8,"pushd:denied",{"topic":"orders.43","code":"ticket_revoked"}]
int(1)
"news"
[8,"pushd:denied",{"topic":"orders.42","code":"ticket_revoked"}]
int(0)

--TEST--
The last ticket of a page is its only ticket cookie, and other cookies stay
--FILE--
<?php
require __DIR__ . '/../support/tickets.inc';
require __DIR__ . '/../support/web.inc';

$file = new KeyFile();
$web = new Web(['pusher.ticket_key_file' => $file->path]);
$page = <<<'PHP'
    setcookie('first', '1');
    Pusher::ticket(['t'], 10);
    header('set-cookie: second=2', false);
    setcookie('pushd_ticket_of_another', '3');
    header('X-Other: 4');
    Pusher::ticket(['t'], 20);
    setcookie('third', '5');
    Pusher::ticket(['t'], 30, cookie: false);
    Pusher::ticket(['t'], 40);
    PHP;
preg_match_all('/^(set-cookie|x-other): .*$/mi', $web->page($page), $headers);
echo preg_replace('/=[\w-]+\.[\w-]+\.[\w-]+;/', '=TICKET;', implode("\n", $headers[0])), "\n";
// The next page of the same process begins anew.
echo $web->cookies('setcookie("fourth", "6");');
?>
--EXPECT--
X-Other: 4
Set-Cookie: first=1
set-cookie: second=2
Set-Cookie: pushd_ticket_of_another=3
Set-Cookie: third=5
Set-Cookie: pushd_ticket=TICKET; Max-Age=40; Path=/; HttpOnly; SameSite=Lax
Set-Cookie: fourth=6

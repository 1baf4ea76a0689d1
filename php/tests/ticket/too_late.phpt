--TEST--
If the headers are sent, a ticket is signed, and its missing cookie is a warning
--FILE--
<?php
require __DIR__ . '/../support/tickets.inc';
require __DIR__ . '/../support/web.inc';

$file = new KeyFile();
$web = new Web(['pusher.ticket_key_file' => $file->path]);

/** Shows a page after its first output, with its warnings. */
function page(string $code, string $output = 'echo "text\n"; flush();'): void
{
    global $web;
    $handler = 'set_error_handler(fn (int $level, string $message): bool => (bool) print("$message\n"));';
    $page = $web->cookies("$output $handler $code");
    // The place of the call is in the message of the fallback, and beside that of the extension.
    echo preg_replace(['~at \S*/page\.php\(\d+\) : eval\(\)\'d code~', '~, called in .*/page\.php\(\d+\) : eval.*~'], ['at PAGE', ''], $page);
}

page('Pusher::ticket(["t"]);');
page('Pusher::ticket(["t"]); Pusher::ticket(["t"]);');
page('Pusher::ticket(["t"]);', 'flush();');
page('echo substr_count(Pusher::ticket(["t"]), "."), " dots";');

echo "pusher.on_failure does not matter:\n";
page('ini_set("pusher.on_failure", "silent"); Pusher::ticket(["t"]);');
page('ini_set("pusher.on_failure", "exception"); Pusher::ticket(["t"]);');

echo "A handler that throws:\n";
page('set_error_handler(fn () => throw new DomainException("thrown")); try { Pusher::ticket(["t"]); } catch (DomainException $e) { echo $e->getMessage(); }');

echo "No cookie would have been set:\n";
page('Pusher::ticket(["t"], cookie: false);');
page('ini_set("pusher.push_url", "wss://push.example.com"); Pusher::ticket(["t"]);');
page('try { Pusher::ticket(["t"], 0); } catch (PusherException $e) { echo $e->getCode(); }');
set_error_handler(fn (int $level, string $message): bool => (bool) print($message));
flush();
Pusher::ticket(['t']);
var_dump(headers_sent());
?>
--EXPECT--
no cookie
text
Pusher::ticket(): the cookie pushd_ticket was not set, because the headers are already sent (output started at PAGE:1): call it before the first output, or with cookie: false
no cookie
text
Pusher::ticket(): the cookie pushd_ticket was not set, because the headers are already sent (output started at PAGE:1): call it before the first output, or with cookie: false
Pusher::ticket(): the cookie pushd_ticket was not set, because the headers are already sent (output started at PAGE:1): call it before the first output, or with cookie: false
no cookie
Pusher::ticket(): the cookie pushd_ticket was not set, because the headers are already sent: call it before the first output, or with cookie: false
no cookie
text
Pusher::ticket(): the cookie pushd_ticket was not set, because the headers are already sent (output started at PAGE:1): call it before the first output, or with cookie: false
2 dots
pusher.on_failure does not matter:
no cookie
text
Pusher::ticket(): the cookie pushd_ticket was not set, because the headers are already sent (output started at PAGE:1): call it before the first output, or with cookie: false
no cookie
text
Pusher::ticket(): the cookie pushd_ticket was not set, because the headers are already sent (output started at PAGE:1): call it before the first output, or with cookie: false
A handler that throws:
no cookie
text
thrown
No cookie would have been set:
no cookie
text
no cookie
text
no cookie
text
-5
bool(true)

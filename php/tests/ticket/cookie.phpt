--TEST--
The cookie has the attributes that the page and pusher.push_url need
--FILE--
<?php
require __DIR__ . '/../support/tickets.inc';
require __DIR__ . '/../support/web.inc';

$file = new KeyFile();
$web = new Web(['pusher.ticket_key_file' => $file->path]);

function cookies(string $before, string $host = 'www.example.com:8000'): void
{
    global $web;
    echo $web->cookies("$before Pusher::ticket(['t'], 60);", $host);
}

function push_url(string $url, string $domain = '', string $more = ''): string
{
    return 'ini_set("pusher.push_url", ' . var_export($url, true) . '); ini_set("pusher.ticket_domain", ' . var_export($domain, true) . "); $more";
}

echo "The page's host:\n";
cookies('');
cookies('$_SERVER["HTTPS"] = "on";');
cookies('$_SERVER["HTTPS"] = "OFF";');
cookies(push_url('/push'));
cookies(push_url('wss://www.example.com/push/'));
cookies(push_url('ws://WWW.Example.com:8080', 'example.com'));
cookies(push_url('https://www.example.com:/a/b'));
cookies(push_url('http://[::1]:8080/'), '[::1]:8000');

echo "Another host:\n";
cookies(push_url('wss://push.example.com/push'));
cookies(push_url('wss://push.example.com/push', 'example.com'));
cookies(push_url('ws://push.example.com/push', '.Example.COM', '$_SERVER["HTTPS"] = "1";'));
cookies(push_url('wss://example.com', 'example.com'));
cookies('unset($_SERVER["HTTP_HOST"]);' . push_url('wss://www.example.com', 'example.com'));
cookies('$_SERVER = 7;' . push_url('wss://www.example.com', 'example.com'));

echo "Not wanted, or too late:\n";
echo $web->cookies('Pusher::ticket(["t"], cookie: false);');
echo $web->cookies('echo "text"; flush(); @Pusher::ticket(["t"]); echo " and more";');
echo $web->cookies('ob_start(); echo "text"; Pusher::ticket(["t"]);');
echo $web->cookies('try { Pusher::ticket(["t"], 0); } catch (PusherException $e) { echo $e->getCode(); }');
Pusher::ticket(['t']);
echo implode(headers_list()), "on the command line\n";

echo "Mistakes:\n";
foreach ([
    ['push.example.com', ''],
    ['tcp://push.example.com', ''],
    ['wss://', ''],
    ['wss://me@push.example.com', ''],
    ['wss://push.example.com/a;b', ''],
    ['wss://push.example.com/a b', ''],
    ['wss://push.example.com/?key=value', ''],
    ["/push\r\nX: y", ''],
    ["/\xff", ''],
    ['wss://push.example.com', 'example.org'],
    ['wss://push.example.com', 'ample.com'],
    ['wss://push.example.com', 'www.example.com'],
    ['wss://push.example.com', '.'],
    ['', 'example.com'],
    ['/push', 'example.com'],
] as [$url, $domain]) {
    ini_set('pusher.push_url', $url);
    ini_set('pusher.ticket_domain', $domain);
    try {
        Pusher::ticket(['t']);
        echo "accepted\n";
    } catch (PusherException $e) {
        echo $e->getCode(), ' ', $e->getMessage(), "\n";
    }
}
?>
--EXPECT--
The page's host:
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/push; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/push/; Secure; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/a/b; Secure; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/; HttpOnly; SameSite=Lax
Another host:
no cookie
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/push; Domain=example.com; Secure; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/push; Domain=example.com; Secure; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax
Set-Cookie: pushd_ticket=TICKET; Max-Age=60; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax
Not wanted, or too late:
no cookie
no cookie
text and more
Set-Cookie: pushd_ticket=TICKET; Max-Age=300; Path=/; HttpOnly; SameSite=Lax
text
no cookie
-5
on the command line
Mistakes:
-5 pusher.push_url: "push.example.com" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push
-5 pusher.push_url: "tcp://push.example.com" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push
-5 pusher.push_url: "wss://" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push
-5 pusher.push_url: "wss://me@push.example.com" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push
-5 pusher.push_url: "wss://push.example.com/a;b" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push
-5 pusher.push_url: "wss://push.example.com/a b" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push
-5 pusher.push_url: "wss://push.example.com/?key=value" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push
-5 pusher.push_url: "/push\r\nX: y" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push
-5 pusher.push_url: "/\xff" is not valid UTF-8
-5 pusher.ticket_domain: "example.org" is neither the host in pusher.push_url nor a parent domain of it
-5 pusher.ticket_domain: "ample.com" is neither the host in pusher.push_url nor a parent domain of it
-5 pusher.ticket_domain: "www.example.com" is neither the host in pusher.push_url nor a parent domain of it
-5 pusher.ticket_domain: "." is neither the host in pusher.push_url nor a parent domain of it
-5 pusher.ticket_domain: "example.com" is neither the host in pusher.push_url nor a parent domain of it
-5 pusher.ticket_domain: "example.com" is neither the host in pusher.push_url nor a parent domain of it

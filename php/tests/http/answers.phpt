--TEST--
Every form of a correct answer is read, and each other answer has its code and a message with the next thing to check
--INI--
pusher.retry_ms=0
pusher.on_failure=exception
pusher.token=the-secret-token
--FILE--
<?php
require __DIR__ . '/../support/fake_web.inc';

function outcome(Closure $publish): string
{
    try {
        return json_encode($publish());
    } catch (PusherException $e) {
        $constant = array_search($e->getCode(), (new ReflectionClass($e))->getConstants(), true);
        return "$constant: " . preg_replace('#http://127\S+ after [0-9.]+ ms#', 'ADDRESS', $e->getMessage());
    }
}

$publish = fn () => Pusher::publish('topic', 1)->sequence;
foreach (['answers', 'chunks', 'other line ends', 'sends hints first', 'to the end', 'is of 1999', 'is of 1999, and keeps open'] as $behaviour) {
    $web = new FakeWeb($behaviour);
    echo "$behaviour: ", outcome($publish), outcome($publish), ' ', count(array_unique(array_map(intval(...), $web->requests()))), " connections\n";
}
foreach ([
    'closes', 'garbage', 'endless head', 'long answer', 'odd length', 'odd coding', 'odd chunks', 'half an answer', 'half a receipt', 'a page', 'is the port of browsers',
    'repeats the token', 'redirects with the token', 'redirects', 'redirects nowhere', 'refuses', 'is ending', 'denies', 'log unavailable', 'is of a later version', 'status 204', 'status 401', 'status 403', 'status 404', 'status 413',
    'status 429', 'status 500', 'status 502', 'status 503', 'status 504', 'status 521', 'status 524',
] as $behaviour) {
    $web = new FakeWeb($behaviour);
    echo "$behaviour: ", outcome($publish), "\n";
}
foreach ([Pusher::position(...), fn () => Pusher::revoke('7'), fn () => Pusher::presence('topic')] as $ask) {
    foreach (['half a receipt', 'status 502', 'status 504', 'log unavailable'] as $behaviour) {
        $web = new FakeWeb($behaviour);
        echo "$behaviour: ", outcome($ask), "\n";
    }
}
$web = new FakeWeb('status 404');
echo outcome(fn () => (new Pusher())->sendMany([['a', 1], ['b', 2], ['c', 3]])), "\n", implode(', ', $web->requests()), "\n";
?>
--EXPECT--
answers: 77 1 connections
chunks: 77 1 connections
other line ends: 77 1 connections
sends hints first: 77 1 connections
to the end: 77 2 connections
is of 1999: 77 2 connections
is of 1999, and keeps open: 77 1 connections
closes: CLOSED: the connection to ADDRESS was lost before the answer (closed by the web server): the event may or may not have been published; was the web server or pushd restarted? Their logs say more
garbage: PROTOCOL: no answer of pushd's from ADDRESS (not HTTP/1.1, it begins with "[2,1,\"fake\",{}]\n"): is it pushd that listens there?
endless head: PROTOCOL: no answer of pushd's from ADDRESS (its headers are longer than 32768 bytes): is it pushd that listens there?
long answer: PROTOCOL: no answer of pushd's from ADDRESS (its Content-Length is "600000"): is it pushd that listens there?
odd length: PROTOCOL: no answer of pushd's from ADDRESS (its Content-Length is "5, 7"): is it pushd that listens there?
odd coding: PROTOCOL: no answer of pushd's from ADDRESS (its Transfer-Encoding is "gzip, chunked"): is it pushd that listens there?
odd chunks: PROTOCOL: no answer of pushd's from ADDRESS (its chunks have no length): is it pushd that listens there?
half an answer: CLOSED: the connection to ADDRESS was lost before the answer (closed by the web server): the event may or may not have been published; was the web server or pushd restarted? Their logs say more
half a receipt: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 200, and a text that begins with "{\"sequence\":7}"): does the web server there forward /publish/ to port 5555 of pushd? HOSTING.md has the lines
a page: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 200, and a text that begins with "<!doctype html>\n<title>Welcome"): does the web server there forward /publish/ to port 5555 of pushd? HOSTING.md has the lines
is the port of browsers: PROTOCOL: pushd's port for browsers answered at ADDRESS (HTTP status 413): the web server there must forward /publish/ to port 5555 of pushd. HOSTING.md has the lines
repeats the token: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 200, and a text that begins with "Authorization: Bearer ...\r\n"): does the web server there forward /publish/ to port 5555 of pushd? HOSTING.md has the lines
redirects with the token: PROTOCOL: ADDRESS redirects to "/Authorization: Bearer ..." (HTTP status 301), and the token is sent to no other address: if this is where pushd is, set pusher.address to it
redirects: PROTOCOL: ADDRESS redirects to "https://other.example/push" (HTTP status 301), and the token is sent to no other address: if this is where pushd is, set pusher.address to it
redirects nowhere: PROTOCOL: ADDRESS redirects to an unknown address (HTTP status 302), and the token is sent to no other address: if this is where pushd is, set pusher.address to it
refuses: TOPIC: the event was not published: not this one
is ending: BUSY: ADDRESS can't take the event now (the server is about to stop): try again later
denies: REFUSED: ADDRESS refused to publish the event (denied: the token is wrong)
log unavailable: UNAVAILABLE: ADDRESS can't reach its log (Redis does not answer): the event may or may not have been published; try again later, with the same id
is of a later version: REFUSED: ADDRESS refused to publish the event (refused: NUL \0 and <b>)
status 204: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 204): does the web server there forward /publish/ to port 5555 of pushd? HOSTING.md has the lines
status 401: REFUSED: the web server at ADDRESS refused the request (HTTP status 401, and a text that begins with "<h1>of the web server</h1>"): does it ask for a password, or does a firewall refuse it?
status 403: REFUSED: the web server at ADDRESS refused the request (HTTP status 403, and a text that begins with "<h1>of the web server</h1>"): does it ask for a password, or does a firewall refuse it?
status 404: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 404, and a text that begins with "<h1>of the web server</h1>"): does the web server there forward /publish/ to port 5555 of pushd? HOSTING.md has the lines
status 413: TOO_BIG: the event was not published: the web server at ADDRESS takes no request of this length (HTTP status 413): in nginx, set client_max_body_size 4m
status 429: BUSY: the web server at ADDRESS takes no request now (HTTP status 429, and a text that begins with "<h1>of the web server</h1>"): try again later
status 500: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 500, and a text that begins with "<h1>of the web server</h1>"): does the web server there forward /publish/ to port 5555 of pushd? HOSTING.md has the lines
status 502: CLOSED: the web server at ADDRESS got no answer of pushd's (HTTP status 502): the event may or may not have been published; is pushd running, and does the web server forward to its port 5555?
status 503: BUSY: the web server at ADDRESS takes no request now (HTTP status 503, and a text that begins with "<h1>of the web server</h1>"): try again later
status 504: TIMEOUT: the web server at ADDRESS got no answer of pushd's in time (HTTP status 504): the event may or may not have been published; is pushd stopped or overloaded?
status 521: CLOSED: the web server at ADDRESS got no answer of pushd's (HTTP status 521): the event may or may not have been published; is pushd running, and does the web server forward to its port 5555?
status 524: TIMEOUT: the web server at ADDRESS got no answer of pushd's in time (HTTP status 524): the event may or may not have been published; is pushd stopped or overloaded?
half a receipt: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 200, and a text that begins with "{\"sequence\":7}"): does the web server there forward /position to port 5555 of pushd? HOSTING.md has the lines
status 502: CLOSED: the web server at ADDRESS got no answer of pushd's (HTTP status 502): is pushd running, and does the web server forward to its port 5555?
status 504: TIMEOUT: the web server at ADDRESS got no answer of pushd's in time (HTTP status 504): is pushd stopped or overloaded?
log unavailable: UNAVAILABLE: ADDRESS can't reach its log (Redis does not answer): try again later
half a receipt: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 200, and a text that begins with "{\"sequence\":7}"): does the web server there forward /revoke/ to port 5555 of pushd? HOSTING.md has the lines
status 502: CLOSED: the web server at ADDRESS got no answer of pushd's (HTTP status 502): the tickets may or may not be revoked; is pushd running, and does the web server forward to its port 5555?
status 504: TIMEOUT: the web server at ADDRESS got no answer of pushd's in time (HTTP status 504): the tickets may or may not be revoked; is pushd stopped or overloaded?
log unavailable: UNAVAILABLE: ADDRESS can't reach its log (Redis does not answer): the tickets may or may not be revoked; try again later
half a receipt: PROTOCOL: no answer of pushd's from ADDRESS (HTTP status 200, and a text that begins with "{\"sequence\":7}"): does the web server there forward /presence/ to port 5555 of pushd? HOSTING.md has the lines
status 502: CLOSED: the web server at ADDRESS got no answer of pushd's (HTTP status 502): is pushd running, and does the web server forward to its port 5555?
status 504: TIMEOUT: the web server at ADDRESS got no answer of pushd's in time (HTTP status 504): is pushd stopped or overloaded?
log unavailable: UNAVAILABLE: ADDRESS can't reach its log (Redis does not answer): try again later
PROTOCOL: 3 of 3 events have no receipt: no answer of pushd's from ADDRESS (HTTP status 404, and a text that begins with "<h1>of the web server</h1>"): does the web server there forward /publish/ to port 5555 of pushd? HOSTING.md has the lines
1 POST /publish/a HTTP/1.1

--TEST--
Over a connection that the web server closes, no event is published twice, and none is lost that is surely unsent
--INI--
pusher.retry_ms=0
pusher.on_failure=exception
--FILE--
<?php
require __DIR__ . '/../support/fake_web.inc';

function outcome(Closure $publish): string
{
    try {
        return json_encode($publish());
    } catch (PusherException $e) {
        return preg_replace('#http://127\S+ after [0-9.]+ ms#', 'ADDRESS', $e->getMessage());
    }
}

// A web server closes a connection after a number of requests: it has not read the next ones.
$web = new FakeWeb('closes after three');
$events = array_map(fn (int $n): array => ["t$n", $n], range(1, 8));
echo count((new Pusher())->sendMany($events)), "\n", str_replace(' HTTP/1.1', '', implode("\n", $web->requests())), "\n";

// It closes an idle connection.
$web = new FakeWeb('closes idle connections');
for ($i = 0; $i < 3; $i++) {
    echo outcome(fn () => Pusher::publish('t', 1)->sequence), ', ', $web->line(), ', ', $web->line(), "\n";
}

// It breaks a connection after it has read a request.
foreach ([
    fn () => Pusher::publish('t', 1),
    fn () => Pusher::publish('t', 1, 'an id')->sequence,
    fn () => (new Pusher())->sendMany([['t', 1, 'an id'], ['t', 2]]),
    fn () => count((new Pusher())->sendMany([['t', 1, 'an id'], ['t', 2, 'another']])),
] as $publish) {
    $web = new FakeWeb('breaks the second');
    echo Pusher::publish('t', 0)->sequence, ' ', outcome($publish), ' ', count($web->requests()), " requests\n";
}

// A refusal concerns one event.
$web = new FakeWeb('is overloaded at the second');
pusher_configure(['on_failure' => 'silent']);
echo json_encode(array_map(fn ($receipt) => $receipt?->sequence, (new Pusher())->sendMany([['a', 1], ['b', 2], ['c', 3]]))), "\n";
echo implode("\n", $web->requests()), "\n";
?>
--EXPECT--
8
1 POST /publish/t1
1 POST /publish/t2
1 POST /publish/t3
2 POST /publish/t4
2 POST /publish/t5
2 POST /publish/t6
3 POST /publish/t7
3 POST /publish/t8
7, 1 POST /publish/t HTTP/1.1, 1 is closed
7, 2 POST /publish/t HTTP/1.1, 2 is closed
7, 3 POST /publish/t HTTP/1.1, 3 is closed
7 the connection to ADDRESS was lost before the answer (closed by the web server): the event may or may not have been published; was the web server or pushd restarted? Their logs say more 2 requests
7 7 3 requests
7 2 of 2 events have no receipt: the connection to ADDRESS was lost before the answer (closed by the web server): the event may or may not have been published; was the web server or pushd restarted? Their logs say more 2 requests
7 2 4 requests
[7,null,7]
1 POST /publish/a HTTP/1.1
1 POST /publish/b HTTP/1.1
2 POST /publish/c HTTP/1.1

<?php
// Prints the median time of a publish over the unix socket, in microseconds: bare, and by the extension. Both take turns,
// so that a slow moment of the machine is one of both.
//
// Arguments: the path of the socket, and the number of publishes.

[, $socket, $count] = $argv;

const TOPIC = 'kittensCategory';
const EVENT = ['title' => 'A new kitten', 'article' => 'It sleeps in a shoe box.', 'when' => 1700000000];

function median(array $times): float
{
    sort($times);
    return $times[intdiv(count($times), 2)] / 1e3;
}

function answer($stream): string
{
    return fgets($stream) ?: exit("no answer\n");
}

$stream = stream_socket_client("unix://$socket");
fwrite($stream, "[1,1]\n");
answer($stream);

$bare = $extension = [];
for ($n = -100; $n < $count; $n++) {
    $begin = hrtime(true);
    fwrite($stream, json_encode([3, 1, TOPIC, EVENT]) . "\n");
    answer($stream);
    $middle = hrtime(true);
    $receipt = Pusher::publish(TOPIC, EVENT);
    $end = hrtime(true);
    $receipt && !$receipt->spooled || exit("not published\n");
    // The first ones open connections.
    if ($n >= 0) {
        $bare[] = $middle - $begin;
        $extension[] = $end - $middle;
    }
}
echo median($bare), ' ', median($extension), "\n";

<?php
// A web server in its own process: says its address on stdout, and then answers every request as its argument says. It ends with its
// parent, who kills it.

declare(strict_types=1);

const RECEIPT = '{"sequence":7,"subscribers":1,"position":"6d1f3c5a9be02478-7","stored":"memory"}';

/** An answer with a length. */
function answer(string $status, string $body, string $headers = ''): string
{
    return "HTTP/1.1 $status\r\nContent-Type: text/html\r\n{$headers}Content-Length: " . strlen($body) . "\r\n\r\n$body";
}

/** An answer in chunks, the second one with an extension, and with a trailer. */
function chunks(string $body): string
{
    $half = intdiv(strlen($body), 2);
    $chunk = static fn (string $part, string $extension = ''): string => sprintf("%X%s\r\n%s\r\n", strlen($part), $extension, $part);
    return "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n" . $chunk(substr($body, 0, $half)) . $chunk(substr($body, $half), ';a=b') . "0\r\nTrailer: x\r\n\r\n";
}

/** Returns the first line, and whether the whole request has arrived. */
function read_request($connection, string &$authorization): ?string
{
    $authorization = '';
    $first = fgets($connection);
    $length = 0;
    while (($line = fgets($connection)) !== false && $line !== "\r\n") {
        if (preg_match('/\AContent-Length: (\d+)\r\n\z/', $line, $match) === 1) {
            $length = (int) $match[1];
        } elseif (str_starts_with($line, 'Authorization: ')) {
            $authorization = $line;
        }
    }
    for ($left = $length; $left > 0 && !feof($connection);) {
        $left -= strlen(fread($connection, $left));
    }
    return $first === false || $left > 0 ? null : trim($first);
}

[, $behaviour] = $argv;
$server = stream_socket_server('tcp://127.0.0.1:0');
fwrite(STDOUT, 'http://' . stream_socket_get_name($server, false) . "\n");
$number = 0;
$authorization = '';
while ($connection = stream_socket_accept($server, 3600)) {
    $number++;
    for ($count = 1; ($first = read_request($connection, $authorization)) !== null; $count++) {
        fwrite(STDOUT, "$number $first\n");
        $answer = match ($behaviour) {
            'answers' => answer('200 OK', RECEIPT),
            'chunks' => chunks(RECEIPT),
            'other line ends' => str_replace("\r\n", "\n", answer('200 OK', RECEIPT)),
            'sends hints first' => "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" . answer('200 OK', RECEIPT),
            'to the end' => "HTTP/1.1 200 OK\r\n\r\n" . RECEIPT,
            'is of 1999' => str_replace('1.1', '1.0', answer('200 OK', RECEIPT)),
            'is of 1999, and keeps open' => str_replace('1.1', '1.0', answer('200 OK', RECEIPT, "Connection: Keep-Alive\r\n")),
            'closes after three' => answer('200 OK', RECEIPT, $count === 3 ? "Connection: close\r\n" : ''),
            'closes idle connections', 'breaks the second' => answer('200 OK', RECEIPT),
            'closes' => null,
            'garbage' => "[2,1,\"fake\",{}]\n",
            'endless head' => 'HTTP/1.1 200 OK' . str_repeat("\r\nX: " . str_repeat('x', 1000), 100),
            'long answer' => "HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n" . RECEIPT,
            'odd length' => "HTTP/1.1 200 OK\r\nContent-Length: 5, 7\r\n\r\n" . RECEIPT,
            'odd coding' => "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" . RECEIPT,
            'odd chunks' => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\nx",
            'half an answer' => substr(answer('200 OK', RECEIPT), 0, -1),
            'half a receipt' => answer('200 OK', '{"sequence":7}'),
            'a page' => answer('200 OK', "<!doctype html>\n<title>Welcome"),
            'repeats the token' => answer('200 OK', $authorization),
            'redirects with the token' => answer('301 Moved', '', 'Location: /' . trim($authorization) . "\r\n"),
            'is the port of browsers' => answer('413 Payload Too Large', 'this is the port for browsers (listen), and takes no request with a body', "Pushd-Reason: bad_request\r\n"),
            'redirects' => answer('301 Moved', '<h1>Moved</h1>', 'Location: https://other.example/push' . explode(' ', $first)[1] . "?a=secret\r\n"),
            'redirects nowhere' => answer('302 Found', ''),
            'is overloaded at the second' => $number === 1 && $count === 2
                ? answer('503 Busy', '{"error":"no room","code":"overloaded"}', "Connection: close\r\n")
                : answer('200 OK', RECEIPT),
            'refuses' => answer('400 Bad Request', json_encode(['error' => 'not this one', 'code' => 'bad_' . strtok(substr($first, 14), ' ')])),
            'is ending' => answer('503 Ending', '{"error":"the server is about to stop","code":"ending"}', "Connection: close\r\n"),
            'denies' => answer('401 Unauthorized', '{"error":"the token is wrong","code":"denied"}'),
            'log unavailable' => answer('503 Busy', '{"error":"Redis does not answer","code":"log_unavailable"}'),
            'is of a later version' => answer('418 Teapot', '{"error":"NUL \u0000 and <b>","code":"teapot"}'),
            'dribbles' => answer('200 OK', RECEIPT),
            default => answer(substr($behaviour, strlen('status ')) . ' Reason', '<h1>of the web server</h1>'),
        };
        if ($behaviour === 'dribbles') {
            // Each byte within any timeout of a single read.
            foreach (str_split($answer) as $byte) {
                fwrite($connection, $byte);
                usleep(20_000);
            }
            continue;
        }
        if ($answer === null || $behaviour === 'breaks the second' && $number === 1 && $count === 2) {
            break;
        }
        fwrite($connection, $answer);
        if (str_contains(strtolower($answer), "connection: close") || in_array($behaviour, ['to the end', 'is of 1999', 'closes idle connections', 'endless head', 'half an answer'], true)) {
            break;
        }
    }
    fclose($connection);
    fwrite(STDOUT, $behaviour === 'closes idle connections' ? "$number is closed\n" : '');
}

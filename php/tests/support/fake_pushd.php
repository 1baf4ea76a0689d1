<?php
// A server that misbehaves, in its own process: says its address on stdout, and then does to every
// connection what its argument says. It ends with its parent, who kills it.

declare(strict_types=1);

[, $behaviour, $address] = $argv;
$server = stream_socket_server($address);
fwrite(STDOUT, strtok($address, '/') . '//' . stream_socket_get_name($server, false) . "\n");

$sequence = 0;
$hasCut = false;
while ($connection = stream_socket_accept($server, 3600)) {
    while (($line = fgets($connection, $behaviour === 'cuts a long line' && !$hasCut ? 65536 : null)) !== false) {
        if (!str_ends_with($line, "\n")) {
            // Unread bytes make it a reset.
            $hasCut = true;
            break;
        }
        [$type, $request] = json_decode($line);
        // For requests().
        fwrite(STDOUT, "$type\n");
        if ($type === 1) {
            $answer = '[2,1,"fake",{}]';
        } elseif ($type === 8) {
            $answer = match ($behaviour) {
                'has no drain' => '[5,null,"unknown_type","unknown message type 8"]',
                'drains for ever' => '',
                default => "[9,$request]",
            };
        } else {
            $sequence++;
            $accepted = match ($type) {
                6 => "[7,$request,\"6d1f3c5a9be02478-12\"]",
                10 => "[11,$request,3]",
                12 => "[13,$request,1,[{\"sub\":\"7\"}]]",
                default => "[4,$request,$sequence,1]",
            };
            $answer = match ($behaviour) {
                'answers', 'has no drain', 'drains for ever', 'cuts a long line', 'answers once, then closes' => $accepted,
                'keeps events' => "[4,$request,$sequence,1,{\"position\":\"6d1f3c5a9be02478-$sequence\",\"stored\":\"synced\"}]",
                'shares its log' => "[4,$request,$sequence,1,{\"stored\":\"memory\",\"nodes\":" . $sequence + 1 . '}]',
                'has odd nodes' => "[4,$request,$sequence,1,{\"nodes\":" . ['0', '-1', '1.5', '"2"', '[2]', '{"a":[2]}', 'true', 'null'][$sequence - 1] . '}]',
                'is of a later version' => "[4,$request,$sequence,1,{\"position\":\"elsewhere\",\"stored\":\"on the moon\",\"new\":[]},{}]",
                'is too old for positions' => $type === 6 ? "[5,$request,\"unknown_type\",\"unknown message type 6\"]" : $accepted,
                'is too old to exclude' => $type === 14 ? '[5,null,"unknown_type","unknown message type 14"]' : $accepted,
                'is too old for tickets' => "[5,$request,\"unknown_type\",\"unknown message type $type\"]",
                'knows better' => "[5,$request,\"" . ($type === 10 ? 'bad_sub' : 'bad_topic') . '","not this one"]',
                'has odd members' => $type === 10 ? "[11,$request,\"3\"]" : "[13,$request,1,7]",
                'has a full topic' => $type === 10 ? "[11,$request," . PHP_INT_MAX . ']' : "[13,$request,100,[" . implode(',', array_fill(0, 100, '{"sub":"' . str_repeat('\u0001', 255) . '"}')) . ']]',
                'gives no position' => "[7,$request,\"<b>\"]",
                'gives a receipt' => "[4,$request,1,1]",
                'closes at the second' => $sequence === 2 ? null : $accepted,
                'garbage' => "HTTP/1.1 400 Bad Request\r\n\r\n",
                'answers another' => '[4,4711,1,1]',
                'half an answer' => "[4,$request,",
                'closes' => null,
                'says goodbye' => $sequence % 3 === 2 ? '[5,null,"overloaded","this connection was idle"]' : $accepted,
                'says goodbye at once' => '[5,null,"overloaded","publishers-max (3) is reached"]',
                'refuses' => "[5,$request,\"denied\",\"not you\"]",
                'refuses oddly' => "[5,$request,\"of a later version\",\"NUL \\u0000 and <b>\"]",
                'overloaded, then answers' => $sequence === 1 ? "[5,$request,\"overloaded\",\"no room\"]" : $accepted,
                'overloaded' => "[5,$request,\"overloaded\",\"no room\"]",
                'log unavailable' => "[5,$request,\"log_unavailable\",\"Redis does not answer\"]",
                'too large, then nothing' => $sequence === 1 ? "[5,$request,\"event_too_large\",\"at most 10 bytes\"]" : '',
                'too large' => "[5,$request,\"event_too_large\",\"at most 10 bytes\"]",
                'a fraction' => "[4,$request,1.5,1]",
                'a type in quotes' => "[\"4\",$request,1,1]",
                'huge' => str_replace('N', (string) PHP_INT_MAX, "[4,$request,N,N,{\"nodes\":N}]"),
                'gigantic' => str_replace('N', '18446744073709551615', "[4,$request,N,N,{\"nodes\":N}]"),
            };
        }
        if ($answer === null) {
            break;
        }
        fwrite($connection, "$answer\n");
        if ($type !== 1 && $behaviour === 'answers once, then closes' || str_starts_with($answer, '[5,null,"overloaded"')) {
            break;
        }
    }
    fclose($connection);
}

<?php

/*
 * Settings of pushd/laravel. A setting that is null has the value of php.ini (pusher.address and so on).
 */

return [

    // Where pushd accepts events: tcp://host:port or unix:/path. The default is tcp://127.0.0.1:5555. Without the PHP extension, also
    // https://host/path of a web server in front of it.
    'address' => env('PUSHD_ADDRESS'),

    // The token of a pushd with --publish-token.
    'token' => env('PUSHD_TOKEN'),

    // Longest time of a broadcast, in milliseconds. The default is 250, and 2000 with https://.
    'timeout_ms' => env('PUSHD_TIMEOUT_MS'),

    // Directory for events that pushd cannot accept now: /var/spool/pushd. By default such a broadcast fails.
    'spool' => env('PUSHD_SPOOL'),

    // The file with the keys that sign tickets, which pushd reads as ticket-key-file. The default is
    // /etc/pushd/ticket.keys.
    'ticket_key_file' => env('PUSHD_TICKET_KEY_FILE'),

    // Seconds until a ticket ends. Open pages renew it before.
    'ticket_ttl' => 300,

    // Where browsers connect: https://push.example.com/, or /push/ on the host of the site. For pushd:doctor.
    'url' => env('PUSHD_URL', 'http://127.0.0.1:8080/'),

];

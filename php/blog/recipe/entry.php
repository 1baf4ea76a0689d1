<?php
declare(strict_types=1);

// A test fixture, not a page to put on line: how a site publishes that followed the Ratchet recipe with a plain socket.
// There is no extension and no library in it, only three lines at the end, and they must go on working.

namespace Blog;

require __DIR__ . '/../src/setup.php';

$draft = Draft::from($_POST);
if ($draft->faults !== []) {
    http_response_code(422);
    exit(implode("\n", $draft->faults) . "\n");
}
$entry = entries()->add($draft);

// This is what the recipe adds to an existing site: connect, write one JSON object, and the page ends.
$socket = stream_socket_client(setting('PUSH_ADDRESS') ?? 'tcp://127.0.0.1:5555');
if ($socket !== false) {
    fwrite($socket, json_encode($entry));
}

http_response_code(201);
header('Content-Type: text/plain; charset=utf-8');
echo "stored as {$entry['id']}\n";

<?php
declare(strict_types=1);

// A test fixture, not a page for a real site. It publishes like a site that follows the Ratchet recipe with a plain
// socket. It uses no extension and no library, only the lines at the end, which must keep working.

namespace Blog;

require __DIR__ . '/../src/setup.php';

$draft = Draft::from($_POST);
if ($draft->faults !== []) {
    http_response_code(422);
    exit(implode("\n", $draft->faults) . "\n");
}
$entry = entries()->add($draft, null);

// The recipe adds this to an existing site: connect, write one JSON object, end the page.
$socket = stream_socket_client(setting('PUSH_ADDRESS') ?? 'tcp://127.0.0.1:5555');
if ($socket !== false) {
    fwrite($socket, json_encode($entry));
}

http_response_code(201);
header('Content-Type: text/plain; charset=utf-8');
echo "stored as {$entry['id']}\n";

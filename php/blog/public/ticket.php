<?php
declare(strict_types=1);

namespace Blog;

// GET ticket.php?name=NAME: a new ticket for the page of this reader. 204 if the reader has logged out since, or logged in
// under another name. 503 if there is no ticket for another reason.

require __DIR__ . '/../src/setup.php';

header('Content-Type: text/plain; charset=utf-8');
header('Cache-Control: no-store');
header('X-Content-Type-Options: nosniff');
$name = reader();
if ($name === null || $name !== ($_GET['name'] ?? null)) {
    http_response_code(204);
    exit;
}
$ticket = ticket();
http_response_code($ticket === null ? 503 : 200);
echo $ticket;

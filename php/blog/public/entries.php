<?php
declare(strict_types=1);

namespace Blog;

// GET entries.php?category=NAME&after=ID: {"entries": [...]}, newest first, for pages that were disconnected.

require __DIR__ . '/../src/setup.php';

$category = category($_GET['category'] ?? null);
$after = filter_var($_GET['after'] ?? 0, FILTER_VALIDATE_INT, ['options' => ['min_range' => 0]]);
if ($category === null || $after === false) {
    send_json(400, ['faults' => ['query' => 'category must be one of ours, after a number from 0 on.']]);
}
send_json(200, ['entries' => entries()->newest($category, SHOWN_MAX, $after)]);

<?php
declare(strict_types=1);

namespace Blog;

// GET entries.php?category=NAME&after=ID: {"since": ..., "entries": [...]}, newest first. For pages that show another
// category, or that have missed more than pushd still has. `since` is the position at which a page must subscribe.

require __DIR__ . '/../src/setup.php';

$category = category($_GET['category'] ?? null);
$after = filter_var($_GET['after'] ?? 0, FILTER_VALIDATE_INT, ['options' => ['min_range' => 0]]);
if ($category === null || $after === false) {
    send_json(400, ['faults' => ['query' => 'category must be one of ours, after a number from 0 on.']]);
}
$since = position();
send_json(200, ['since' => $since, 'entries' => entries()->newest($category, SHOWN_MAX, $after)]);

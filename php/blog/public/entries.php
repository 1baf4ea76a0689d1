<?php
declare(strict_types=1);

namespace Blog;

// GET entries.php?category=NAME&after=ID&comments_after=ID: {"since": ..., "entries": [...], "comments": [...]}, the entries
// newest first, the comments oldest first, with the private ones of this reader. For pages that show another category, or
// that have missed more than pushd still has. `since` is the position at which a page must subscribe.

require __DIR__ . '/../src/setup.php';

$id = fn (string $name): int|false =>
    filter_var($_GET[$name] ?? 0, FILTER_VALIDATE_INT, ['options' => ['min_range' => 0]]);
[$category, $after, $comments_after] = [category($_GET['category'] ?? null), $id('after'), $id('comments_after')];
if ($category === null || $after === false || $comments_after === false) {
    send_json(400, ['faults' => ['query' => 'category must be one of ours, after and comments_after numbers from 0 on.']]);
}
send_json(200, [
    'since' => position(), // before the queries
    'entries' => entries()->newest($category, SHOWN_MAX, $after),
    'comments' => comments()->newest($category, reader(), COMMENTS_MAX, $comments_after),
]);

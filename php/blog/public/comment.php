<?php
declare(strict_types=1);

namespace Blog;

// POST comment.php: entry, text, token, and private for a comment that only the author may see. Stores the comment, pushes
// it to the article's readers (or, if it is private, to its writer and the author), and sends the author a notice.

require __DIR__ . '/../src/setup.php';
require __DIR__ . '/../src/page.php';

$draft = CommentDraft::from($_POST);
$entry = entries()->get($draft->entry);
[$status, $fault] = match (true) {
    !is_own_form($_POST) => [403, OLD_FORM],
    $entry === null => [404, 'There is no such article.'],
    default => [422, $draft->fault_for($entry)],
};
if ($fault !== null) {
    refuse($status, $entry, $draft, $fault);
}
$comment = comments()->add($draft, reader());
$event = ['category' => $entry['category'], 'comment' => $comment];
// The other windows of the writer show a private comment, too.
$pushed = push($draft->is_private ? own_topic(reader()) : $entry['category'], $event);
tell_author($entry, $comment);
if (wants_json()) {
    send_json(201, ['comment' => $comment, 'push' => $pushed]);
}
go_back($entry['category'], "#entry-{$entry['id']}");

/** Sends the author a notice, with the comment if it is private. A guest gets none, nor an author who has commented. */
function tell_author(array $entry, array $comment): void
{
    $author = $entry['author'];
    if ($author === null || $author === $comment['author']) {
        return;
    }
    $query = http_build_query(['category' => $entry['category']]);
    push(own_topic($author), [
        'title' => $entry['title'],
        'commenter' => $comment['author'],
        'link' => "./?$query#entry-{$entry['id']}",
    ] + ($comment['private'] ? ['comment' => $comment] : []));
}

/** Shows the page again with the comment in its form, so that the writer keeps the text. */
function refuse(int $status, ?array $entry, CommentDraft $draft, string $fault): never
{
    if (wants_json()) {
        send_json($status, ['faults' => ['comment' => $fault]]);
    }
    http_response_code($status);
    $notice = ['kind' => 'fault', 'text' => $fault];
    show_page($entry['category'] ?? array_key_first(CATEGORIES), notice: $notice, comment: $draft);
    exit;
}

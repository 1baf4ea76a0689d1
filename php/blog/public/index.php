<?php
declare(strict_types=1);

namespace Blog;

require __DIR__ . '/../src/setup.php';
require __DIR__ . '/../src/page.php';

match ($_SERVER['REQUEST_METHOD']) {
    'POST' => post(),
    'GET', 'HEAD' => get(),
    default => http_response_code(405),
};

function get(): void
{
    $category = category($_GET['category'] ?? null);
    if ($category === null) {
        http_response_code(404);
        $category = array_key_first(CATEGORIES);
    }
    show_page($category, notice: notice_after_post());
}

/** Stores the article and then pushes it, so that entries.php already has each article that a browser receives. */
function post(): void
{
    if (!is_own_form($_POST)) {
        refuse(403, Draft::from($_POST), ['form' => OLD_FORM], OLD_FORM);
        return;
    }
    $draft = Draft::from($_POST);
    if ($draft->faults !== []) {
        refuse(422, $draft, $draft->faults, 'Not posted yet.');
        return;
    }
    $entry = entries()->add($draft, reader());
    $pushed = push($entry['category'], $entry);
    if (wants_json()) {
        send_json(201, ['entry' => $entry, 'push' => $pushed]);
    }
    $query = ['category' => $entry['category'], 'posted' => $entry['id'], 'reached' => $pushed['subscribers'] ?? 'off'];
    header('Location: ./?' . http_build_query($query), true, 303);
}

/** Shows the page again with the fields filled in, so that the writer keeps the text. */
function refuse(int $status, Draft $draft, array $faults, string $text): void
{
    if (wants_json()) {
        send_json($status, ['faults' => $faults]);
    }
    http_response_code($status);
    show_page($draft->category, $draft, ['kind' => 'fault', 'text' => $text]);
}

/** Returns the notice for the query of the redirect after a post. blog.js has the same texts. */
function notice_after_post(): array
{
    if (!isset($_GET['posted'])) {
        return NO_NOTICE;
    }
    $reached = filter_var($_GET['reached'] ?? null, FILTER_VALIDATE_INT, ['options' => ['min_range' => 0]]);
    if ($reached === false) {
        return ['kind' => 'warn', 'text' => 'Stored, but not pushed: readers see it when they load the page.'];
    }
    return ['kind' => 'ok', 'text' => "Stored, and pushed to $reached " . ($reached === 1 ? 'browser.' : 'browsers.')];
}

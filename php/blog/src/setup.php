<?php
declare(strict_types=1);

namespace Blog;

// Included first by every page of the blog.

ini_set('display_errors', '0'); // errors go to the server's log, not into the page
ini_set('log_errors', '1');

require __DIR__ . '/database.php';
require __DIR__ . '/Entries.php';
require __DIR__ . '/Comments.php';
require __DIR__ . '/text.php';
require __DIR__ . '/Draft.php';
require __DIR__ . '/CommentDraft.php';
require __DIR__ . '/push.php';
require __DIR__ . '/tickets.php';
require __DIR__ . '/reader.php';
require __DIR__ . '/token.php';

/** The topics and their names for readers. The Ratchet recipe calls a topic a category. */
const CATEGORIES = [
    'kittensCategory' => 'Kittens',
    'puppiesCategory' => 'Puppies',
    'birdsCategory' => 'Birds',
];

/** Most articles that a page shows. blog.js has the same limit. */
const SHOWN_MAX = 200;

/** Most comments that the server writes into a page. blog.js shows at most so many below each article. */
const COMMENTS_MAX = 500;

/** Returns an environment variable. SetEnv, a pool's env[] and fastcgi_param set them too. */
function setting(string $name): ?string
{
    $value = getenv($name);
    return $value === false || $value === '' ? null : $value;
}

/** Returns the requested category, the first one if the request has none, or null if it does not exist. */
function category(mixed $asked): ?string
{
    if ($asked === null) {
        return array_key_first(CATEGORIES);
    }
    return is_string($asked) && isset(CATEGORIES[$asked]) ? $asked : null;
}

/** Returns the category that a form was sent from. */
function posted_category(): string
{
    return category($_POST['category'] ?? null) ?? array_key_first(CATEGORIES);
}

/** Redirects to the page of a category after a form. */
function go_back(string $category, string $fragment = ''): never
{
    header('Location: ./?' . http_build_query(['category' => $category]) . $fragment, true, 303);
    exit;
}

function database(): \PDO
{
    static $pdo = null;
    return $pdo ??= open_database(setting('BLOG_DB') ?? dirname(__DIR__) . '/data/blog.sqlite');
}

function entries(): Entries
{
    return new Entries(database());
}

function comments(): Comments
{
    return new Comments(database());
}

/** Escapes text for HTML, between tags or in a quoted attribute. */
function html(string|int $text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5);
}

function send_json(int $status, array $answer): never
{
    http_response_code($status);
    header('Content-Type: application/json; charset=utf-8');
    header('Cache-Control: no-store');
    header('X-Content-Type-Options: nosniff');
    echo json_encode($answer, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    exit;
}

/** Whether the client accepts JSON, as blog.js does. Other clients get a page. */
function wants_json(): bool
{
    return str_contains($_SERVER['HTTP_ACCEPT'] ?? '', 'application/json');
}

// The log has every detail of an error. The page has only the message of a SetupFault.
set_exception_handler(function (\Throwable $fault): void {
    error_log('blog: ' . $fault);
    http_response_code(500);
    header('Content-Type: text/plain; charset=utf-8');
    echo $fault instanceof SetupFault ? $fault->getMessage() : "Something went wrong: see the server's log.";
    echo "\n";
});

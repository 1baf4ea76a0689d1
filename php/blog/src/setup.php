<?php
declare(strict_types=1);

namespace Blog;

// What every page of the blog begins with.

ini_set('display_errors', '0'); // faults belong into the server's log, not between our bytes
ini_set('log_errors', '1');

require __DIR__ . '/Entries.php';
require __DIR__ . '/Draft.php';
require __DIR__ . '/push.php';

/** The topics, and what the reader sees of them. The names are those of the Ratchet recipe. */
const CATEGORIES = [
    'kittensCategory' => 'Kittens',
    'category2' => 'Category 2',
    'category3' => 'Category 3',
];

/** The most articles that a page shows. blog.js keeps to it too. */
const SHOWN_MAX = 200;

/** An environment variable; SetEnv, a pool's env[] and fastcgi_param count as such. */
function setting(string $name): ?string
{
    $value = getenv($name);
    return $value === false || $value === '' ? null : $value;
}

/** The category that the reader asked for: the first one if none, null if there is no such. */
function category(mixed $asked): ?string
{
    if ($asked === null) {
        return array_key_first(CATEGORIES);
    }
    return is_string($asked) && isset(CATEGORIES[$asked]) ? $asked : null;
}

function entries(): Entries
{
    return Entries::open(setting('BLOG_DB') ?? dirname(__DIR__) . '/data/blog.sqlite');
}

/** Text into HTML, between tags or into a quoted attribute. */
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

/** Whether the request came from blog.js, which wants data and not a page. */
function wants_json(): bool
{
    return str_contains($_SERVER['HTTP_ACCEPT'] ?? '', 'application/json');
}

// A fault is told to whoever runs the blog: in the log with every detail, on the page without.
set_exception_handler(function (\Throwable $fault): void {
    error_log('blog: ' . $fault);
    http_response_code(500);
    header('Content-Type: text/plain; charset=utf-8');
    echo $fault instanceof SetupFault ? $fault->getMessage() : "Something went wrong; the server's log says what.";
    echo "\n";
});

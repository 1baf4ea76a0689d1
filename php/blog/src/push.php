<?php
declare(strict_types=1);

namespace Blog;

/** Whether PHP has the extension. */
function can_push(): bool
{
    return method_exists('Pusher', 'publish');
}

/**
 * Publishes a stored entry: from here on every browser that looks at its category has it.
 *
 * @return array{subscribers: int, sequence: int}|null null if it could not be pushed. The article is stored all the
 *     same, so that is no reason for the page to fail: the log says why.
 */
function push(array $entry): ?array
{
    if (!can_push()) {
        return null;
    }
    // By default a failed transfer is a warning and null; with pusher.on_failure=exception it is an exception.
    set_error_handler(fn (int $level, string $message): bool => error_log('blog: ' . $message));
    try {
        $receipt = \Pusher::publish($entry['category'], $entry);
    } catch (\Throwable $fault) {
        error_log('blog: ' . $fault->getMessage());
        return null;
    } finally {
        restore_error_handler();
    }
    return $receipt === null ? null : ['subscribers' => $receipt->subscribers, 'sequence' => $receipt->sequence];
}

/**
 * Where browsers find the push server: PUSHER_URL, or the host of the page with PUSH_PORT (8080).
 *
 * @throws SetupFault if PUSHER_URL is no http or https address.
 */
function push_url(): string
{
    $url = setting('PUSHER_URL');
    if ($url === null) {
        return page_scheme() . '://' . page_host() . ':' . (int) (setting('PUSH_PORT') ?? 8080);
    }
    if (preg_match('~\Ahttps?://[^\s/?#;,\'"@]+(/[^\s?#;,\'"]*)?\z~i', $url) !== 1) {
        throw new SetupFault("PUSHER_URL must be like http://push.example:8080, it is '$url'.");
    }
    return rtrim($url, '/');
}

function page_scheme(): string
{
    return in_array($_SERVER['HTTPS'] ?? '', ['', 'off'], true) ? 'http' : 'https';
}

/** The Host header comes from outside: only what can be a host goes into our page. */
function page_host(): string
{
    $host = preg_replace('/:\d+\z/', '', $_SERVER['HTTP_HOST'] ?? '');
    return preg_match('/\A([a-z0-9._-]+|\[[0-9a-f:.]+\])\z/i', $host) === 1 ? $host : 'localhost';
}

/** What the page may load and talk to: itself and the push server. */
function content_security_policy(string $push_url): string
{
    preg_match('~\A(http)(s?://[^/]+)~i', $push_url, $part);
    $origin = $part[1] . $part[2];
    return "default-src 'none'; script-src 'self' $origin; style-src 'self'; img-src 'self' data:; "
        . "connect-src 'self' ws{$part[2]}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
}

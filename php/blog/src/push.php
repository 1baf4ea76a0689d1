<?php
declare(strict_types=1);

namespace Blog;

/** Whether PHP has the extension. */
function can_push(): bool
{
    return method_exists('Pusher', 'publish');
}

/**
 * Returns the position of pushd's log, or null if pushd does not answer. Ask for it before the query: then the browser gets
 * everything that was published since the query.
 */
function position(): ?string
{
    return can_push() ? quietly(fn (): ?string => \Pusher::position()) : null;
}

/**
 * Publishes an event.
 *
 * @return array{subscribers: int, sequence: int}|null null if the publish failed. The data is stored anyway, so the page
 *     must not fail. The reason is in the log.
 */
function push(string $topic, array $event): ?array
{
    $receipt = can_push() ? quietly(fn (): ?\PusherReceipt => \Pusher::publish($topic, $event)) : null;
    return $receipt === null ? null : ['subscribers' => $receipt->subscribers, 'sequence' => $receipt->sequence];
}

/**
 * Calls pushd. By default a failed call returns null with a warning, and with pusher.on_failure=exception it throws: here
 * both are null, with a line in the log.
 */
function quietly(callable $call): mixed
{
    set_error_handler(fn (int $level, string $message): bool => error_log('blog: ' . $message));
    try {
        return $call();
    } catch (\Throwable $fault) {
        error_log('blog: ' . $fault->getMessage());
        return null;
    } finally {
        restore_error_handler();
    }
}

/**
 * Returns the push server's URL for browsers: PUSHER_URL, or the host of the page with PUSH_PORT (8080).
 *
 * @throws SetupFault if PUSHER_URL is not an http or https URL.
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

/** Returns the host in the Host header if it is valid. The client can send any text there. */
function page_host(): string
{
    $host = preg_replace('/:\d+\z/', '', $_SERVER['HTTP_HOST'] ?? '');
    return preg_match('/\A([a-z0-9._-]+|\[[0-9a-f:.]+\])\z/i', $host) === 1 ? $host : 'localhost';
}

/** Returns a policy that allows the page to use only its own server and the push server. */
function content_security_policy(string $push_url): string
{
    preg_match('~\A(http)(s?://[^/]+)~i', $push_url, $part);
    $origin = $part[1] . $part[2];
    return "default-src 'none'; script-src 'self' $origin; style-src 'self'; img-src 'self' data:; "
        . "connect-src 'self' ws{$part[2]} $origin; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
}

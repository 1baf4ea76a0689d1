<?php
declare(strict_types=1);

namespace Blog;

// The login of the demo: a name and no password, in a PHP session. A guest has no session.

const SESSION_COOKIE = 'blog_session';

/** The name of all readers who are not logged in. */
const GUEST = 'A guest';

/** In characters, not bytes. */
const NAME_MAX = 40;

/** Returns the name of the reader who is logged in, or null for a guest. */
function reader(): ?string
{
    static $name = null;
    $id = $_COOKIE[SESSION_COOKIE] ?? null;
    if ($name === null && is_string($id) && preg_match('/\A[A-Za-z0-9,-]{22,256}\z/', $id) === 1) {
        session_id($id);
        open_session(false);
        $name = $_SESSION['name'] ?? null;
        // If there is no such session, PHP has made an empty one. Otherwise other requests of this reader wait for its end.
        $name === null ? session_destroy() : session_write_close();
    }
    return $name;
}

/** Call it before any output. */
function log_in(string $name): void
{
    open_session(true);
    // An id that existed before the login may be known to somebody else.
    session_regenerate_id(true);
    $_SESSION['name'] = $name;
    session_write_close();
}

/** Call it before any output. */
function log_out(): void
{
    $name = reader();
    if ($name === null) {
        return;
    }
    open_session(false);
    session_destroy();
    setcookie(SESSION_COOKIE, '', ['expires' => 1] + cookie_flags());
    // After the end of the session, so that no later request signs another ticket.
    revoke_tickets($name);
}

/** Returns the error text for a name, or null. */
function name_fault(string $name): ?string
{
    $fault = text_fault('name', $name, NAME_MAX);
    // A * in the topic of a ticket would open the topics of other readers. The joiners are part of some scripts.
    $characters = '/\A[\p{L}\p{N}][\p{L}\p{M}\p{N}\x{200c}\x{200d}\' ’・·._-]*\z/u';
    if ($fault === null && preg_match($characters, $name) !== 1) {
        return "A name has letters, digits, spaces and . _ - ' and begins with a letter or a digit.";
    }
    return $fault;
}

/** @param bool $has_cookie false: the session of session_id(), without a cookie. Only a login sets the cookie. */
function open_session(bool $has_cookie): void
{
    session_start([
        'name' => SESSION_COOKIE,
        'use_cookies' => $has_cookie,
        'use_strict_mode' => true,
        'use_only_cookies' => $has_cookie,
        'cache_limiter' => '', // each page sends its own Cache-Control
        'cookie_lifetime' => 0,
        'cookie_path' => '/',
        'cookie_secure' => cookie_flags()['secure'],
        'cookie_httponly' => true,
        'cookie_samesite' => 'Lax',
    ]);
}

/** @return array{path: string, secure: bool, httponly: bool, samesite: string} */
function cookie_flags(): array
{
    // Lax: a link from another site opens the page with the reader logged in.
    return ['path' => '/', 'secure' => page_scheme() === 'https', 'httponly' => true, 'samesite' => 'Lax'];
}

<?php
declare(strict_types=1);

namespace Blog;

// CSRF protection: the form has the value of a cookie. Other sites can neither read nor send the cookie.

const TOKEN_COOKIE = 'blog_token';

/** The error text. PHP also drops a form that is larger than post_max_size, its token included. */
const OLD_FORM = 'This form was too old or too large. Nothing was stored: please send it again.';

/** Returns the browser's token. Sets a cookie for a new browser, so call it before any output. */
function token(): string
{
    static $new = null;
    $token = $new ?? $_COOKIE[TOKEN_COOKIE] ?? null;
    if (is_string($token) && preg_match('/\A[0-9a-f]{32}\z/', $token) === 1) {
        return $token;
    }
    $new = bin2hex(random_bytes(16));
    setcookie(TOKEN_COOKIE, $new, [
        'secure' => page_scheme() === 'https',
        'httponly' => true,
        'samesite' => 'Strict',
    ]);
    return $new;
}

/** @param array<mixed> $form */
function is_own_form(array $form): bool
{
    $token = $_COOKIE[TOKEN_COOKIE] ?? null;
    $sent = $form['token'] ?? null;
    return is_string($token) && is_string($sent) && $token !== '' && hash_equals($token, $sent);
}

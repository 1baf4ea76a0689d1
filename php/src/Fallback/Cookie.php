<?php
declare(strict_types=1);

namespace PusherFallback;

/** The cookie with the ticket. Browsers send it with the handshake, so a page needs no code for tickets. */
final class Cookie
{
    /** The beginning of the header of this cookie. */
    private const START = 'Set-Cookie: pushd_ticket=';

    /** Interfaces of PHP that serve no pages. */
    private const NO_PAGES = ['cli', 'phpdbg', 'embed'];

    /** Functions without which there is no cookie. */
    private const NEEDED = ['header', 'headers_list', 'header_remove', 'headers_sent', 'stripos'];

    /**
     * Sets the cookie, if this is a page and the browser would send it to pushd's host. If the headers are sent, warns instead, as setcookie()
     * does. Runs user code: an error handler.
     */
    public static function set(string $method, TicketSettings $settings, #[\SensitiveParameter] string $ticket, int $ttl): void
    {
        foreach (self::NEEDED as $function) {
            if (!function_exists($function)) {
                return;
            }
        }
        if (in_array(PHP_SAPI, self::NO_PAGES, true)) {
            return;
        }
        $domain = '';
        if ($settings->host !== null && $settings->host !== self::pageHost()) {
            if ($settings->domain === null) {
                return;
            }
            $domain = "; Domain=$settings->domain";
        }
        if (headers_sent($file, $line)) {
            Report::warning($method, self::tooLate($file, $line));
            return;
        }
        $secure = $settings->isSecure || self::isHttps() ? '; Secure' : '';
        self::replace(self::START . "$ticket; Max-Age=$ttl; Path=$settings->path$domain$secure; HttpOnly; SameSite=Lax");
    }

    /** Adds the header, and removes an earlier one of this cookie. Other cookies keep their order. */
    private static function replace(#[\SensitiveParameter] string $line): void
    {
        $cookies = array_filter(headers_list(), static fn (string $header): bool => stripos($header, 'Set-Cookie:') === 0);
        $others = array_filter($cookies, static fn (string $header): bool => !str_starts_with($header, self::START));
        if (count($others) < count($cookies)) {
            // PHP can remove headers by their name only.
            header_remove('Set-Cookie');
            foreach ($others as $other) {
                header($other, false);
            }
        }
        header($line, false);
    }

    private static function tooLate(string $file, int $line): string
    {
        $place = $file === '' ? '' : " (output started at $file:$line)";
        return "the cookie pushd_ticket was not set, because the headers are already sent$place: call it before the first output, or with cookie: false";
    }

    private static function isHttps(): bool
    {
        $https = $_SERVER['HTTPS'] ?? '';
        return is_string($https) && $https !== '' && strtolower($https) !== 'off';
    }

    /** In lower case, without the port. */
    private static function pageHost(): string
    {
        $host = $_SERVER['HTTP_HOST'] ?? '';
        return is_string($host) && preg_match('/\A(.*?)(?::\d*)?\z/s', $host, $match) === 1 ? strtolower($match[1]) : '';
    }
}

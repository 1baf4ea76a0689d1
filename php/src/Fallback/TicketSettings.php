<?php
declare(strict_types=1);

namespace PusherFallback;

/** The settings of one ticket. */
final class TicketSettings
{
    private const HOST = '(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])';

    private function __construct(
        public readonly string $keyFile,
        /** Whether browsers connect with wss or https. */
        public readonly bool $isSecure,
        /** The host that browsers connect to, in lower case and without the port. Null: the page's host. */
        public readonly ?string $host,
        public readonly string $path,
        /** The cookie's domain, if it must be another than the page's host. */
        public readonly ?string $domain,
    ) {
    }

    /** @throws PusherError CONFIG, with the setting's name, its value and the allowed values */
    public static function read(): self
    {
        $keyFile = self::keyFile(self::text('ticket_key_file'));
        [$isSecure, $host, $path] = self::pushUrl(self::text('push_url'));
        return new self($keyFile, $isSecure, $host, $path, self::domain(self::text('ticket_domain'), (string) $host));
    }

    private static function text(string $name): string
    {
        $text = Settings::get($name);
        if (!Text::isUtf8($text)) {
            throw PusherError::config("pusher.$name", Text::quotedBytes($text) . ' is not valid UTF-8');
        }
        return $text;
    }

    /** An empty text means the key file of pushd's packages. */
    private static function keyFile(string $text): string
    {
        if ($text === '') {
            return Path::keyFile();
        }
        if (!Path::isAbsolute($text) || preg_match('~\p{Cc}~u', $text) === 1) {
            throw PusherError::config('pusher.ticket_key_file', Text::quoted($text) . ' is not an absolute path, as in ' . Path::keyFile());
        }
        return $text;
    }

    /**
     * An empty text means the page's host, and every path.
     *
     * @return array{bool, string|null, string} whether it is wss or https, the host and the path
     */
    private static function pushUrl(string $text): array
    {
        $path = '(/(?:(?![;?#"\\\\])[\x21-\x7e])*)?';
        if (preg_match("~\A(?:(wss?|https?)://(" . self::HOST . ")(?::\d*)?)?$path\z~", $text, $match) !== 1) {
            throw PusherError::config('pusher.push_url', Text::quoted($text)
                . ' is neither a URL, as in wss://push.example.com/push, nor a path, as in /push');
        }
        $scheme = $match[1] ?? '';
        $path = $match[3] ?? '';
        return [$scheme === 'wss' || $scheme === 'https', $scheme === '' ? null : strtolower($match[2]), $path === '' ? '/' : $path];
    }

    /** An empty text means no domain: the browser returns the cookie to the page's host only. */
    private static function domain(string $text, string $host): ?string
    {
        if ($text === '') {
            return null;
        }
        $domain = strtolower($text[0] === '.' ? substr($text, 1) : $text);
        $isHost = preg_match('~\A' . self::HOST . '\z~', $domain) === 1;
        if (!$isHost || $host !== $domain && substr($host, -strlen($domain) - 1) !== ".$domain") {
            throw PusherError::config('pusher.ticket_domain', Text::quoted($text) . ' is neither the host in pusher.push_url nor a parent domain of it');
        }
        return $domain;
    }
}

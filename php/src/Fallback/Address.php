<?php
declare(strict_types=1);

namespace PusherFallback;

/**
 * The address of pushd's publish listener: host:port, tcp://host:port or unix:/path. Or that of a web server in front of it:
 * https://host/path or http://host/path.
 *
 * The same grammar as in crates/pusher-proto/src/address.rs, which has no HTTP; php/tests/support/addresses.json tests both.
 */
final class Address
{
    /** @param list<string> $targets what stream_socket_client() is to try, one after the other */
    private function __construct(
        private readonly string $text,
        public readonly array $targets,
        /** For HTTP: the value of the header Host. Otherwise null. */
        public readonly ?string $httpHost = null,
        /** For HTTP: the path in front of those of pushd, such as /push. Often empty. */
        public readonly string $httpPath = '',
        /** For HTTPS: the host that the certificate must name. Otherwise null. */
        public readonly ?string $tlsHost = null,
    ) {
    }

    public function isHttp(): bool
    {
        return $this->httpHost !== null;
    }

    public function __toString(): string
    {
        return $this->text;
    }

    /** @throws \DomainException with a text that says what is wrong and how it should look */
    public static function parse(string $text): self
    {
        return match (true) {
            preg_match('/[\p{Cc}]/u', $text) === 1 => self::wrong($text, 'it contains a control character'),
            str_starts_with($text, 'unix:') => self::unix($text, substr($text, strlen('unix:'))),
            preg_match('~\A(https?)://(.*)\z~i', $text, $http) === 1 => self::http($text, strtolower($http[1]), $http[2]),
            str_starts_with($text, 'tcp://') => self::tcp($text, substr($text, strlen('tcp://'))),
            default => self::tcp($text, $text),
        };
    }

    private static function tcp(string $text, string $rest): self
    {
        $colon = strrpos($rest, ':');
        if ($colon === false) {
            self::wrong($text, 'the port is missing, as in 127.0.0.1:5555');
        }
        [$host, $port] = [substr($rest, 0, $colon), substr($rest, $colon + 1)];
        $port = self::port($text, $port);
        self::checkHost($text, $host);
        return new self("tcp://$host:$port", self::targets($host, $port));
    }

    private static function http(string $text, string $scheme, string $rest): self
    {
        // A user name may come with a password: no message shows it.
        if (str_contains($rest, '@')) {
            self::wrong("$scheme://...", 'it contains an @: the setting for a password is the token');
        }
        if (strpbrk($rest, '?#') !== false) {
            self::wrong($text, 'it has a ? or a #, and only a path may stand behind the host');
        }
        preg_match('~\A([^/]*)(.*?)/*\z~', $rest, $parts);
        [, $authority, $path] = $parts;
        if (preg_match('~\A[\x21-\x7e]*\z~', $path) !== 1) {
            self::wrong($text, 'the path has a character that must be percent-encoded');
        }
        if (preg_match('~/publish\z~', $path) === 1) {
            self::wrong($text, 'leave out /publish, which Pusher adds itself');
        }
        [$host, $port] = preg_match('~\A(.*):([^:\]]*)\z~', $authority, $parts) === 1 ? [$parts[1], $parts[2]] : [$authority, null];
        $given = $port === null ? '' : ':' . self::port($text, $port);
        self::checkHost($text, $host);
        if (preg_match('/\A[\x21-\x7e]+\z/', $host) !== 1) {
            self::wrong($text, 'the host is not ASCII: write it as in xn--kxawhkm.example');
        }
        $port = $port === null ? ($scheme === 'https' ? 443 : 80) : (int) $port;
        $tlsHost = $scheme === 'https' ? preg_replace_callback('/[\[\]]/', static fn () => '', $host) : null;
        return new self("$scheme://$host$given$path", self::targets($host, $port), "$host$given", $path, $tlsHost);
    }

    private static function port(string $text, string $port): int
    {
        if (preg_match('/\A\d+\z/', $port) !== 1 || $port < 1 || $port > 65535) {
            self::wrong($text, "the port must be 1 to 65535, not \"$port\"");
        }
        return (int) $port;
    }

    private static function checkHost(string $text, string $host): void
    {
        if (preg_match('/\A\[(.*)\]\z/s', $host, $inside) === 1) {
            if (!self::isIpv6($inside[1])) {
                self::wrong($text, "\"$inside[1]\" is not an IPv6 address");
            }
        } elseif (str_contains($host, '://')) {
            self::wrong($text, "\"$host\" is not a host");
        } elseif (strpbrk($host, ':[]') !== false) {
            self::wrong($text, 'an IPv6 address stands in brackets, as in [::1]:5555');
        } elseif ($host === '' || strpbrk($host, '/@ ') !== false) {
            self::wrong($text, "\"$host\" is not a host");
        }
    }

    /** @return list<string> */
    private static function targets(string $host, int $port): array
    {
        // The same two on every machine, and nobody has to look them up.
        $hosts = strtolower($host) === 'localhost' ? ['127.0.0.1', '[::1]'] : [$host];
        return array_map(static fn (string $host): string => "tcp://$host:$port", $hosts);
    }

    /** With the number of a network interface or without, as in fe80::1%2. */
    private static function isIpv6(string $text): bool
    {
        [$address, $scope] = explode('%', $text, 2) + [1 => '0'];
        if (preg_match('/\A\d+\z/', $scope) !== 1 || $scope > 0xffff_ffff) {
            return false;
        }
        // PHP may be built without it: then the connect reports the mistake.
        return !function_exists('filter_var') || filter_var($address, FILTER_VALIDATE_IP, FILTER_FLAG_IPV6) !== false;
    }

    private static function unix(string $text, string $rest): self
    {
        $path = str_starts_with($rest, '//') ? substr($rest, 2) : $rest;
        if (!str_starts_with($path, '/')) {
            self::wrong($text, 'the path must be absolute, as in unix:/run/pushd/publish.sock');
        }
        if (strlen($path) > Limits::UNIX_PATH_LEN_MAX) {
            self::wrong($text, 'the path is ' . strlen($path) . ' bytes long, at most ' . Limits::UNIX_PATH_LEN_MAX . ' are possible');
        }
        return new self("unix:$path", ["unix://$path"]);
    }

    private static function wrong(string $text, string $reason): never
    {
        throw new \DomainException(Text::quoted($text) . " is not an address of pushd: $reason");
    }
}

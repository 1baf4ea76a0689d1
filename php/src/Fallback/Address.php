<?php
declare(strict_types=1);

namespace PusherFallback;

/**
 * The address of pushd's publish listener: host:port, tcp://host:port or unix:/path.
 *
 * The same grammar as in crates/pusher-proto/src/address.rs; php/tests/support/addresses.json tests both.
 */
final class Address
{
    /** @param list<string> $targets what stream_socket_client() is to try, one after the other */
    private function __construct(private readonly string $text, public readonly array $targets)
    {
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
        if (preg_match('/\A\d+\z/', $port) !== 1 || $port < 1 || $port > 65535) {
            self::wrong($text, "the port must be 1 to 65535, not \"$port\"");
        }
        $port = (int) $port;
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
        // The same two on every machine, and nobody has to look them up.
        $hosts = strtolower($host) === 'localhost' ? ['127.0.0.1', '[::1]'] : [$host];
        return new self("tcp://$host:$port", array_map(static fn (string $host): string => "tcp://$host:$port", $hosts));
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

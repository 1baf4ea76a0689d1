<?php
declare(strict_types=1);

namespace PusherFallback;

/** An answer of pushd's, or of a web server in front of it. */
final class HttpAnswer
{
    /** Characters of a foreign page or header that a message shows. */
    private const SHOWN_LEN = 60;

    /** @param array<string, string> $headers the names in lower case */
    public function __construct(
        public readonly int $status,
        private readonly array $headers,
        private readonly string $body,
        /** Whether another request can follow on the connection. */
        public readonly bool $keepsOpen,
    ) {
    }

    /** The JSON object in the body, or null. */
    public function json(): ?array
    {
        $json = json_decode($this->body, true);
        return is_array($json) ? $json : null;
    }

    /** Whether pushd's port for browsers has answered, if it is no answer of the port for publishers. */
    public function isOfBrowserPort(): bool
    {
        return isset($this->headers['pushd-reason']);
    }

    /** The same answer without a secret, which a page could repeat. */
    public function without(#[\SensitiveParameter] string $secret): self
    {
        return $secret === '' ? $this : new self($this->status, str_replace($secret, '...', $this->headers), str_replace($secret, '...', $this->body), $this->keepsOpen);
    }

    /** The answer as a message shows it. */
    public function described(): string
    {
        $begin = substr(ltrim($this->body), 0, self::SHOWN_LEN);
        return "HTTP status $this->status" . ($begin === '' ? '' : ', and a text that begins with ' . Text::quotedBytes($begin));
    }

    /** The address to which a redirect leads, without the path of the request. */
    public function location(): string
    {
        preg_match('~\A[^?#]{0,200}?(?=/(?:publish/|position|revoke/|presence/)|[?#]|\z)~', $this->headers['location'] ?? '', $address);
        return ($address[0] ?? '') === '' ? 'an unknown address' : Text::quotedBytes($address[0]);
    }
}

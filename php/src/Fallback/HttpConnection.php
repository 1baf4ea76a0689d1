<?php
declare(strict_types=1);

namespace PusherFallback;

/** A connection with HTTP/1.1: writes requests, and reads answers (RFC 9112). */
final class HttpConnection
{
    private const HEAD_LEN_MAX = 32 * 1024;

    /** What was read and is not part of an answer yet. */
    private string $buffer = '';

    /** Whether an answer has shown that the web server keeps connections open. Only then can several requests be sent at once. */
    public bool $isKept = false;

    private function __construct(private readonly Connection $connection)
    {
    }

    /** @throws PusherError */
    public static function open(Attempt $attempt): self
    {
        return new self(Connection::open($attempt));
    }

    public function isStale(Attempt $attempt): bool
    {
        return $this->buffer !== '' || $this->connection->hasEndedOrSent($attempt);
    }

    /** As Connection::write(). */
    public function write(#[\SensitiveParameter] string $requests, Attempt $attempt, ?int &$sent = null): ?PusherError
    {
        return $this->connection->write($requests, $attempt, $sent);
    }

    public function close(): void
    {
        $this->connection->close();
    }

    /** @throws PusherError */
    public function readAnswer(Attempt $attempt): HttpAnswer
    {
        do {
            [$status, $headers, $isVersion11] = $this->readHead($attempt);
            // 100 Continue, 103 Early Hints.
        } while ($status < 200);
        [$body, $hasEnd] = match (true) {
            $status === 204 || $status === 304 => ['', true],
            isset($headers['transfer-encoding']) => [$this->readChunks($headers['transfer-encoding'], $attempt), true],
            isset($headers['content-length']) => [$this->take($this->length($headers['content-length'], $attempt), $attempt), true],
            default => [$this->readToTheEnd($attempt), false],
        };
        $connection = strtolower($headers['connection'] ?? '');
        $keeps = $isVersion11 ? preg_match('/\bclose\b/', $connection) !== 1 : preg_match('/\bkeep-alive\b/', $connection) === 1;
        $this->isKept = $hasEnd && $keeps;
        return new HttpAnswer($status, $headers, $body, $this->isKept);
    }

    /**
     * @return array{int, array<string, string>, bool} status, headers, and whether it is HTTP/1.1
     * @throws PusherError
     */
    private function readHead(Attempt $attempt): array
    {
        while (preg_match('/\r?\n\r?\n/', $this->buffer, $end, PREG_OFFSET_CAPTURE) !== 1) {
            // Other protocols may send no line end at all.
            if (!str_starts_with('HTTP/1.', substr($this->buffer, 0, 7))) {
                throw $this->notHttp($attempt);
            }
            if (strlen($this->buffer) > self::HEAD_LEN_MAX) {
                throw PusherError::protocol($attempt, 'its headers are longer than ' . self::HEAD_LEN_MAX . ' bytes');
            }
            $this->readMore($attempt);
        }
        [$separator, $at] = $end[0];
        $head = substr($this->buffer, 0, $at);
        if (preg_match('~\AHTTP/1\.([01]) ([1-9]\d\d)(?: [^\n]*)?(?:\n|\z)~', $head, $first) !== 1) {
            throw $this->notHttp($attempt);
        }
        $this->buffer = substr($this->buffer, $at + strlen($separator));
        $headers = [];
        preg_replace_callback('/^([^:\s]+):[ \t]*(.*?)[ \t]*\r?$/m', static function (array $line) use (&$headers): string {
            $name = strtolower($line[1]);
            $headers[$name] = isset($headers[$name]) ? "$headers[$name], $line[2]" : $line[2];
            return '';
        }, $head);
        return [(int) $first[2], $headers, $first[1] === '1'];
    }

    /** @throws PusherError */
    private function length(string $text, Attempt $attempt): int
    {
        // More digits are beyond every limit.
        if (preg_match('/\A\d{1,9}\z/', $text) !== 1 || $text > Limits::ANSWER_LEN_MAX) {
            throw PusherError::protocol($attempt, 'its Content-Length is ' . Text::quotedBytes($text));
        }
        return (int) $text;
    }

    /** @throws PusherError */
    private function readChunks(string $coding, Attempt $attempt): string
    {
        if (strtolower($coding) !== 'chunked') {
            throw PusherError::protocol($attempt, 'its Transfer-Encoding is ' . Text::quotedBytes($coding));
        }
        $body = '';
        do {
            if (preg_match('/\A0*([0-9a-f]{1,6})[ \t]*(?:;|\z)/i', $this->readLine($attempt), $size) !== 1) {
                throw PusherError::protocol($attempt, 'its chunks have no length');
            }
            $length = hexdec($size[1]);
            $this->checkLength(strlen($body) + $length, $attempt);
            $body .= $this->take($length, $attempt);
            // After the last chunk come trailers and an empty line; after the others, an empty line.
            while ($this->readLine($attempt) !== '' && $length === 0);
        } while ($length > 0);
        return $body;
    }

    /** @throws PusherError */
    private function readLine(Attempt $attempt): string
    {
        while (preg_match('/\A([^\n]*?)\r?\n/', $this->buffer, $line) !== 1) {
            $this->checkLength(strlen($this->buffer), $attempt);
            $this->readMore($attempt);
        }
        $this->buffer = substr($this->buffer, strlen($line[0]));
        return $line[1];
    }

    /** @throws PusherError */
    private function take(int $length, Attempt $attempt): string
    {
        while (strlen($this->buffer) < $length) {
            $this->readMore($attempt);
        }
        $taken = substr($this->buffer, 0, $length);
        $this->buffer = substr($this->buffer, $length);
        return $taken;
    }

    /** @throws PusherError */
    private function readToTheEnd(Attempt $attempt): string
    {
        while (($bytes = $this->connection->read($attempt)) !== '') {
            $this->buffer .= $bytes;
            $this->checkLength(strlen($this->buffer), $attempt);
        }
        [$body, $this->buffer] = [$this->buffer, ''];
        return $body;
    }

    /** @throws PusherError */
    private function readMore(Attempt $attempt): void
    {
        $bytes = $this->connection->read($attempt);
        if ($bytes === '') {
            throw PusherError::closed($attempt, Connection::CLOSED_BY_PEER);
        }
        $this->buffer .= $bytes;
    }

    /** @throws PusherError */
    private function checkLength(int $length, Attempt $attempt): void
    {
        if ($length > Limits::ANSWER_LEN_MAX) {
            throw PusherError::protocol($attempt, 'it is longer than ' . Limits::ANSWER_LEN_MAX . ' bytes');
        }
    }

    private function notHttp(Attempt $attempt): PusherError
    {
        return PusherError::protocol($attempt, 'not HTTP/1.1, it begins with ' . Text::quotedBytes(substr($this->buffer, 0, 20)));
    }
}

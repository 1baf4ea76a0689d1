<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;
use PusherReceipt;

/**
 * pushd's requests by HTTP (crates/pushd/HTTP.md), often through a web server with TLS.
 *
 * This is PHP's socket, and not cURL or the https stream wrapper: it works without the extension curl and with allow_url_fopen=0, the deadline holds in
 * each step, and it knows whether a request was sent, so it repeats none that may have been published.
 */
final class Http implements Protocol
{
    /** Functions that a host may forbid without a consequence for other addresses. */
    private const NEEDED = ['hexdec', 'rawurlencode', 'stream_get_meta_data'];
    private const NEEDED_BY_TLS = ['stream_context_create', 'stream_socket_enable_crypto'];

    /** Requests that are sent before their answers are read. The answers, of about 500 bytes each, fit into the buffers of all sockets between. */
    private const PIPELINED_MAX = 64;

    private ?HttpConnection $connection = null;

    /** The process that opened the connection. */
    private ?string $processId = null;

    public function __construct(private readonly Address $address, #[\SensitiveParameter] private readonly string $token)
    {
    }

    /** Why this PHP cannot connect to the address, or null. */
    public static function missing(Address $address): ?string
    {
        $isTls = $address->tlsHost !== null;
        foreach ([...self::NEEDED, ...($isTls ? self::NEEDED_BY_TLS : [])] as $function) {
            if (!function_exists($function)) {
                return "PHP's $function() is missing here (see disable_functions in php.ini)";
            }
        }
        return $isTls && function_exists('extension_loaded') && !extension_loaded('openssl')
            ? "PHP's extension openssl is missing here"
            : null;
    }

    public function ask(array $requests, Attempt $attempt): array
    {
        $mistakes = array_filter(array_map(self::mistake(...), $requests));
        $sent = array_filter($requests, static fn (int $index): bool => !isset($mistakes[$index]), ARRAY_FILTER_USE_KEY);
        $answers = array_combine(array_keys($sent), $this->askAll(array_values($sent), $attempt));
        return array_map(static fn (int $index): mixed => $mistakes[$index] ?? $answers[$index], array_keys($requests));
    }

    private static function mistake(HttpRequest $request): ?PusherError
    {
        try {
            $request->headers();
            return null;
        } catch (PusherError $mistake) {
            return $mistake;
        }
    }

    /**
     * The first request of a connection goes alone. If its answer keeps the connection open, the others follow, many at once: a web server
     * answers them in order. If it closes the connection after an answer, it has not read the requests behind it (RFC 9112, section
     * 9.6), so they go over another connection.
     *
     * @param list<HttpRequest> $requests
     */
    private function askAll(array $requests, Attempt $attempt): array
    {
        // Taken out of the property during use: if the script ends in between, no half-read connection is left.
        [$connection, $this->connection] = [$this->connection, null];
        // A child of pcntl_fork() drops the inherited connection, which its parent uses.
        $processId = Process::id();
        if ($connection !== null && ($processId === null || $this->processId !== $processId || $connection->isStale($attempt))) {
            $connection->close();
            $connection = null;
        }
        $this->processId = $processId;
        $answers = [];
        $isNew = $connection === null;
        while (($left = array_slice($requests, count($answers))) !== []) {
            try {
                $connection ??= HttpConnection::open($attempt);
            } catch (PusherError $error) {
                return [...$answers, ...PusherError::ofAll($left, $error)];
            }
            [$read, $error] = $this->exchange($connection, $left, $attempt, $isUnsent);
            $answers = [...$answers, ...$read];
            // The web server may close an idle connection just before a request arrives.
            $isRepeated = !$isNew && $read === [] && self::isLost($error) && ($isUnsent || self::areRepeatable($left, $attempt));
            if ($error !== null && !$isRepeated) {
                return array_pad($answers, count($requests), $error);
            }
            if ($error === null && count($answers) === count($requests) && $connection->isKept) {
                $this->connection = $connection;
            } elseif ($error !== null || !$connection->isKept) {
                $connection->close();
                $connection = null;
            }
            $isNew = $connection === null;
        }
        return $answers;
    }

    /**
     * Writes requests and reads their answers, until the web server closes the connection.
     *
     * @param non-empty-list<HttpRequest> $requests
     * @param bool|null $isUnsent whether no request has been sent as a whole
     * @return array{list<PusherReceipt|string|int|array|PusherError>, PusherError|null} the answers, and the error of all other requests
     */
    private function exchange(HttpConnection $connection, array $requests, Attempt $attempt, ?bool &$isUnsent): array
    {
        $isUnsent = false;
        $answers = [];
        // An exception's trace may keep the connection, so close() is called.
        $close = static function (?PusherError $error) use ($connection, &$answers): array {
            $connection->close();
            return [$answers, $error];
        };
        do {
            $isAlone = !$connection->isKept;
            $batch = array_slice($requests, count($answers), $isAlone ? 1 : self::PIPELINED_MAX);
            $texts = array_map($this->text(...), $batch);
            $notSent = $connection->write(implode('', $texts), $attempt, $sent);
            $isUnsent = $answers === [] && $sent < strlen($texts[0]);
            unset($texts);
            foreach ($batch as $request) {
                try {
                    // Also after an incomplete write: the web server may have sent its reason before it stopped reading.
                    $answer = $connection->readAnswer($attempt);
                } catch (PusherError $error) {
                    return $close($notSent ?? $error);
                }
                $isUnsent = false;
                $result = $this->result($request, $answer, $attempt);
                $answers[] = $result;
                if ($result instanceof PusherError && ($result->endsConnection || $isAlone && !$result->isRefusal())) {
                    return $close($result);
                }
                if (!$answer->keepsOpen) {
                    return [$answers, null];
                }
            }
        } while ($notSent === null && count($answers) < count($requests));
        return $notSent === null ? [$answers, null] : $close($notSent);
    }

    /** The request, as bytes. */
    private function text(HttpRequest $request): string
    {
        [$method, $path] = $request->target();
        $body = $request->body();
        // Firewalls of web servers refuse requests without Accept and User-Agent.
        $headers = ['Host' => $this->address->httpHost, 'Accept' => 'application/json', 'User-Agent' => 'pushd-php']
            + ($this->token === '' ? [] : ['Authorization' => "Bearer $this->token"])
            + ($method === 'POST' ? ['Content-Length' => (string) strlen($body)] : [])
            + ($body === '' ? [] : ['Content-Type' => 'application/json'])
            + $request->headers();
        $head = "$method {$this->address->httpPath}$path HTTP/1.1\r\n";
        foreach ($headers as $name => $value) {
            $head .= "$name: $value\r\n";
        }
        return "$head\r\n$body";
    }

    private function result(HttpRequest $request, HttpAnswer $answer, Attempt $attempt): PusherReceipt|string|int|array|PusherError
    {
        $json = $answer->json();
        if ($answer->status === 200 && $json !== null) {
            $result = $request->httpAnswer($json);
        } elseif (is_string($json['error'] ?? null) && is_string($json['code'] ?? null)) {
            $result = PusherError::refusedByHttp($attempt, $json['code'], $json['error']);
        }
        return $result ?? PusherError::ofWebServer($attempt, $answer->without($this->token));
    }

    /** Whether the connection broke. */
    private static function isLost(?PusherError $error): bool
    {
        return $error !== null && in_array($error->getCode(), [PusherException::CLOSED, PusherException::CONNECT], true);
    }

    /** Whether pushd may get the requests twice: it recognizes the id of an event. */
    private static function areRepeatable(array $requests, Attempt $attempt): bool
    {
        return !$attempt->isPublish || array_filter($requests, static fn (Event $event): bool => $event->id === null) === [];
    }
}

<?php
declare(strict_types=1);

namespace PusherFallback;

/** One socket to pushd. Every call ends at its deadline. */
final class Connection
{
    /** The reason given for a broken connection: PHP does not report the system's error. */
    public const RESET = 'reset by pushd';

    /** The same for the peer of an HTTP connection, which may be a web server. */
    public const CLOSED_BY_PEER = 'closed by the web server';

    private const READ_LEN_MAX = 8192;
    private const WRITE_LEN_MAX = 256 * 1024;

    /** Idle time before the first keep-alive probe, and the time between two probes, as in libpusher. In seconds. */
    private const KEEPALIVE_AFTER_S = 60;
    private const KEEPALIVE_INTERVAL_S = 20;

    /** Time between two attempts if the system cannot signal readiness. */
    private const POLL_US = 1000;

    private string $read = '';

    /** @param resource $stream */
    private function __construct(private $stream)
    {
        stream_set_blocking($stream, false);
    }

    /** @throws PusherError */
    public static function open(Attempt $attempt): self
    {
        Process::occupyStandardDescriptors();
        $left = count($attempt->address->targets);
        foreach ($attempt->address->targets as $target) {
            while (true) {
                if ($attempt->hasPassed()) {
                    throw PusherError::timeout($attempt, 'connecting', isSent: false);
                }
                $stream = self::connect($target, $attempt->address, $attempt->remainingUs() / $left / 1e6, $errno, $error);
                if ($stream !== false) {
                    self::keepAlive($stream, $target);
                    $connection = new self($stream);
                    $attempt->address->tlsHost === null || $connection->startTls($attempt);
                    return $connection;
                }
                if (!in_array($errno, [SystemError::EINTR, SystemError::EAGAIN, SystemError::ECONNRESET], true)) {
                    break;
                }
                // A signal, a full backlog of a unix socket, or a server without room: try again in a moment.
                self::pause(self::POLL_US);
            }
            $left--;
        }
        throw $errno === SystemError::ETIMEDOUT
            ? PusherError::timeout($attempt, 'connecting', isSent: false)
            : PusherError::connect($attempt, $errno, $error);
    }

    /** @return resource|false */
    private static function connect(string $target, Address $address, float $timeoutS, ?int &$errno, ?string &$error)
    {
        // Otherwise the last packet of a large event waits for an acknowledgement (Nagle's algorithm).
        $options = ['socket' => ['tcp_nodelay' => true]];
        if ($address->tlsHost !== null) {
            // In full, because the page's default context may differ. SNI is for names only (RFC 6066, section 3).
            $isIp = preg_match('/\A[\d.]+\z|:/', $address->tlsHost) === 1;
            $options['ssl'] = [
                'verify_peer' => true,
                'verify_peer_name' => true,
                'allow_self_signed' => false,
                'peer_name' => $address->tlsHost,
                'SNI_enabled' => !$isIp,
            ];
        }
        $context = function_exists('stream_context_create') ? stream_context_create($options) : null;
        return SystemError::of(static function () use ($target, $timeoutS, $context, &$errno, &$error) {
            return stream_socket_client($target, $errno, $error, max($timeoutS, 0.001), STREAM_CLIENT_CONNECT, $context);
        });
    }

    /**
     * Switches TCP keep-alive on: routers do not drop a connection that a script keeps for long, and a server that
     * vanished is noticed. Needs PHP's extension for sockets.
     *
     * @param resource $stream
     */
    private static function keepAlive($stream, string $target): void
    {
        if (!str_starts_with($target, 'tcp:') || !function_exists('socket_import_stream') || !function_exists('socket_set_option')) {
            return;
        }
        SystemError::of(static function () use ($stream): void {
            $socket = socket_import_stream($stream);
            if ($socket !== false) {
                socket_set_option($socket, SOL_SOCKET, SO_KEEPALIVE, 1);
                socket_set_option($socket, SOL_TCP, TCP_KEEPIDLE, self::KEEPALIVE_AFTER_S);
                socket_set_option($socket, SOL_TCP, TCP_KEEPINTVL, self::KEEPALIVE_INTERVAL_S);
            }
        });
    }

    /**
     * Begins TLS, and checks the certificate. PHP's own tls:// would take the whole timeout a second time.
     *
     * @throws PusherError
     */
    private function startTls(Attempt $attempt): void
    {
        $method = STREAM_CRYPTO_METHOD_TLSv1_2_CLIENT | STREAM_CRYPTO_METHOD_TLSv1_3_CLIENT;
        while (true) {
            $isDone = SystemError::of(fn () => stream_socket_enable_crypto($this->stream, true, $method), first: $notice);
            if ($isDone === true) {
                return;
            }
            if ($isDone === false) {
                $this->close();
                throw PusherError::tls($attempt, (string) $notice);
            }
            if (!$this->wait(true, $attempt)) {
                $this->close();
                throw PusherError::timeout($attempt, 'connecting with TLS', isSent: false);
            }
        }
    }

    /** Whether the peer has closed the connection, or has sent a message without a request, such as a goodbye. */
    public function isStale(): bool
    {
        return !$this->hasNothingLeft() || $this->isReady(read: true, waitUs: 0) !== false;
    }

    /**
     * Writes the whole message.
     *
     * @param int|null $sent the number of bytes that were written
     * @return PusherError|null the error if not all was written; its code is CONNECT if no byte was written
     */
    public function write(#[\SensitiveParameter] string $message, Attempt $attempt, ?int &$sent = null): ?PusherError
    {
        $sent = 0;
        $length = strlen($message);
        while ($sent < $length) {
            // In pieces, because PHP copies its argument.
            $chunk = substr($message, $sent, self::WRITE_LEN_MAX);
            $taken = SystemError::of(fn () => fwrite($this->stream, $chunk), $notice);
            if ($taken === false) {
                return $sent === 0
                    ? PusherError::connect($attempt, 0, SystemError::text($notice))
                    : PusherError::closed($attempt, SystemError::text($notice));
            }
            $sent += $taken;
            if ($taken === 0 && !$this->wait(false, $attempt)) {
                return PusherError::timeout($attempt, 'sending', isSent: false);
            }
        }
        return null;
    }

    /**
     * Reads the next answer: a message of pushd's, decoded.
     *
     * @param bool $isFirst whether no answer to the written messages has arrived yet
     * @return array<mixed>
     * @throws PusherError
     * @throws Reset The connection broke, and this would have been the first answer.
     */
    public function readMessage(Attempt $attempt, bool $isFirst): array
    {
        while (true) {
            $message = $this->takeMessage($attempt);
            if ($message !== null) {
                return $message;
            }
            if (!$this->wait(true, $attempt)) {
                throw PusherError::timeout($attempt, 'waiting for the answer', isSent: true);
            }
            $bytes = SystemError::of(fn () => fread($this->stream, self::READ_LEN_MAX));
            if ($bytes === false) {
                throw $isFirst && $this->read === '' ? new Reset() : PusherError::closed($attempt, self::RESET);
            }
            if ($bytes === '' && feof($this->stream)) {
                if ($isFirst && $this->read === '' && $this->wasReset()) {
                    throw new Reset();
                }
                throw PusherError::closed($attempt, 'closed by pushd');
            }
            $this->read .= $bytes;
        }
    }

    /**
     * Reads some bytes. Returns an empty text if the peer has closed the connection.
     *
     * @throws PusherError
     */
    public function read(Attempt $attempt): string
    {
        while (true) {
            $bytes = $this->readNow($attempt);
            if ($bytes !== null) {
                return $bytes;
            }
            if (!$this->wait(true, $attempt)) {
                throw PusherError::timeout($attempt, 'waiting for the answer', isSent: true);
            }
        }
    }

    /**
     * Whether the peer has closed the connection, or has sent bytes. With TLS, messages that are not data may make a connection
     * readable, such as new session tickets.
     */
    public function hasEndedOrSent(Attempt $attempt): bool
    {
        try {
            return $this->readNow($attempt) !== null;
        } catch (PusherError) {
            return true;
        }
    }

    /**
     * Reads the bytes that have arrived. Null if there are none, and an empty text if the peer has closed the connection.
     *
     * @throws PusherError
     */
    private function readNow(Attempt $attempt): ?string
    {
        $bytes = SystemError::of(fn () => fread($this->stream, self::READ_LEN_MAX));
        if ($bytes === false) {
            throw PusherError::closed($attempt, 'reset by the web server');
        }
        // feof() would wait for bytes.
        return $bytes === '' && !stream_get_meta_data($this->stream)['eof'] ? null : $bytes;
    }

    /**
     * Whether pushd closed the connection before it had read everything. The system has then reset the connection, which
     * only a write detects: write white space, which is not a message.
     */
    private function wasReset(): bool
    {
        return SystemError::of(fn () => fwrite($this->stream, "\n")) === false;
    }

    public function close(): void
    {
        is_resource($this->stream) && fclose($this->stream);
    }

    public function hasNothingLeft(): bool
    {
        return ltrim($this->read) === '';
    }

    /** @return array<mixed>|null null if it is incomplete */
    private function takeMessage(Attempt $attempt): ?array
    {
        $this->read = ltrim($this->read);
        if ($this->read === '') {
            return null;
        }
        $isWrong = $this->read[0] !== '[';
        $end = $isWrong ? false : Json::endOfValue($this->read, Limits::EVENT_DEPTH_MAX);
        if ($end === null && strlen($this->read) <= Limits::ANSWER_LEN_MAX) {
            return null;
        }
        $message = is_int($end) ? json_decode(substr($this->read, 0, $end), true) : null;
        if (!is_array($message)) {
            $begin = Text::quotedBytes(substr($this->read, 0, 20));
            throw PusherError::protocol($attempt, "not a message of the protocol, it begins with $begin");
        }
        $this->read = substr($this->read, $end);
        return $message;
    }

    /** False at the deadline. */
    private function wait(bool $read, Attempt $attempt): bool
    {
        do {
            $left = $attempt->remainingUs();
        } while ($left > 0 && $this->isReady($read, $left) === false);
        return $left > 0;
    }

    /** Null if PHP cannot tell, because the descriptor's number is too large for select(). */
    private function isReady(bool $read, int $waitUs): ?bool
    {
        [$readable, $writable, $urgent] = $read ? [[$this->stream], null, null] : [null, [$this->stream], null];
        $ready = SystemError::of(static function () use (&$readable, &$writable, &$urgent, $waitUs): int|false {
            return stream_select($readable, $writable, $urgent, intdiv($waitUs, 1_000_000), $waitUs % 1_000_000);
        }, $notice);
        if ($ready === false && !str_contains((string) $notice, '[' . SystemError::EINTR . ']')) {
            self::pause(min($waitUs, self::POLL_US));
            return null;
        }
        return $ready > 0;
    }

    private static function pause(int $us): void
    {
        $us > 0 && function_exists('usleep') && usleep($us);
    }
}

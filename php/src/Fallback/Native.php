<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;
use PusherReceipt;

/** The native protocol (crates/pusher-proto/src/native.md), over a connection that opens at the first request and stays open. */
final class Native implements Protocol
{
    /** The highest protocol version that this code supports. */
    private const VERSION = 1;

    private const WELCOME = 2;
    private const RECEIPT = 4;
    private const ERROR = 5;
    private const AT = 7;
    private const DRAINED = 9;
    private const REVOKED = 11;
    private const MEMBERS = 13;

    private ?Connection $connection = null;

    /** The process that opened the connection. */
    private ?string $processId = null;

    private int $lastRequest = 0;

    /** @param bool $hasSpool whether events go to a spool if pushd is away. The HELLO says so. */
    public function __construct(#[\SensitiveParameter] private readonly string $token, private readonly bool $hasSpool)
    {
    }

    /**
     * Asks over the open connection. If there is none, or it was closed meanwhile, opens a new one.
     *
     * The connection is taken out of the property during use. If the script ends in between, for example in a signal
     * handler, no half-read connection is left.
     */
    public function ask(array $requests, Attempt $attempt): array
    {
        [$connection, $this->connection] = [$this->connection, null];
        // A child of pcntl_fork() drops the inherited connection, which its parent uses.
        $processId = Process::id();
        $isOwn = $processId !== null && $this->processId === $processId;
        $this->processId = $processId;
        $goodbye = null;
        if ($connection !== null && $isOwn && !$connection->isStale()) {
            $answers = $this->exchange($connection, $requests, '', $attempt);
            if (!$attempt->isPublish && is_array($answers) && self::isLost($answers[0])) {
                // pushd may have read the request, but a second one does no harm.
                $answers = null;
            }
            // pushd may have read the first of several events, unless its goodbye says that it has not.
            if (is_array($answers) || $answers === null && count($requests) > 1) {
                return $answers ?? PusherError::ofAll($requests, PusherError::closed($attempt, Connection::RESET));
            }
            $goodbye = $answers;
        }
        $connection?->close();
        try {
            $connection = Connection::open($attempt);
        } catch (PusherError $error) {
            // If pushd no longer listens, its goodbye says why.
            $isGone = $goodbye?->getCode() === PusherException::BUSY && $error->getCode() === PusherException::CONNECT;
            return PusherError::ofAll($requests, $isGone ? $goodbye : $error);
        }
        $answers = $this->exchange($connection, $requests, $this->hello(), $attempt)
            ?? PusherError::closed($attempt, Connection::RESET);
        return is_array($answers) ? $answers : PusherError::ofAll($requests, $answers);
    }

    private function hello(): string
    {
        $options = ($this->token === '' ? [] : ['token' => $this->token]) + ($this->hasSpool ? ['spool' => true] : []);
        return '[1,' . self::VERSION . ($options === [] ? '' : ',' . json_encode($options, Json::FLAGS)) . "]\n";
    }

    private static function isLost(mixed $answer): bool
    {
        return $answer instanceof PusherError && $answer->getCode() === PusherException::CLOSED;
    }

    /**
     * Writes all requests at once and reads their answers.
     *
     * @return list<PusherReceipt|string|int|array|PusherError>|PusherError|null an error alone, or null, if pushd read nothing: it sent a goodbye, or the
     *     connection broke
     */
    private function exchange(Connection $connection, array $requests, #[\SensitiveParameter] string $hello, Attempt $attempt): array|PusherError|null
    {
        $first = $this->lastRequest + 1;
        $this->lastRequest += count($requests);
        $message = $hello;
        foreach ($requests as $index => $request) {
            $message .= $request->message($first + $index);
        }
        $answers = [];
        $isInOrder = false;
        try {
            $notSent = $connection->write($message, $attempt, $sent);
            // The only event is incomplete without its end (the last byte is a line end): pushd cannot have published it.
            $isCut = count($requests) === 1 && $sent < strlen($message) - 1 && $notSent?->getCode() === PusherException::CLOSED;
            unset($message);
            $isUnsent = $isCut || $notSent?->getCode() === PusherException::CONNECT;
            if ($isUnsent && !$connection->isStale()) {
                return $notSent;
            }
            // Also after an incomplete write: pushd may have sent its reason before it stopped reading.
            while (count($answers) < count($requests)) {
                $next = count($answers);
                $answers[] = $this->answer($connection, $requests[$next], $first + $next, $attempt, $next === 0);
            }
            $isInOrder = $notSent === null && $connection->hasNothingLeft();
        } catch (PusherError $error) {
            if ($isUnsent && !$error->isRefusal()) {
                return $notSent;
            }
            return array_pad($answers, count($requests), $error->isRefusal() ? $error : $notSent ?? $error);
        } catch (Goodbye $goodbye) {
            return $answers === [] ? $goodbye->error : array_pad($answers, count($requests), $goodbye->error);
        } catch (Reset) {
            return $isUnsent || $notSent === null ? $notSent : PusherError::ofAll($requests, $notSent);
        } finally {
            if ($isInOrder) {
                $this->connection = $connection;
            } else {
                // An exception's trace may still refer to the connection.
                $connection->close();
            }
        }
        return $answers;
    }

    /**
     * Reads the answer to one request.
     *
     * @throws PusherError The connection cannot be used any more.
     * @throws Goodbye
     * @throws Reset
     */
    private function answer(Connection $connection, Request $request, int $number, Attempt $attempt, bool $isFirst): PusherReceipt|string|int|array|PusherError
    {
        $invalid = static fn (string $reason): PusherError => PusherError::protocol($attempt, $reason);
        while (true) {
            $message = $connection->readMessage($attempt, $isFirst);
            $isFirst = false;
            $type = $message[0] ?? null;
            // A switch would treat "4" as 4.
            if (!is_int($type)) {
                throw $invalid('a message without a type');
            }
            switch ($type) {
                case self::WELCOME:
                    $version = $message[1] ?? null;
                    if (!is_int($version) || $version < 1 || $version > self::VERSION) {
                        throw $invalid('it wants version ' . json_encode($version) . ' of the protocol, this library speaks 1 to ' . self::VERSION);
                    }
                    break;
                case self::RECEIPT:
                case self::AT:
                case self::DRAINED:
                case self::REVOKED:
                case self::MEMBERS:
                    self::checkNumber($message[1] ?? null, $number, $invalid);
                    return $request->answer($message) ?? throw $invalid(match ($attempt->operation) {
                        Operation::Publish => 'not a receipt',
                        Operation::Position => 'not a position',
                        Operation::Drain => 'not an answer to DRAIN',
                        Operation::Revoke => 'not an answer to REVOKE',
                        Operation::Presence => 'not a list of members',
                    });
                case self::ERROR:
                    self::checkNumber($message[1] ?? $number, $number, $invalid);
                    if (!is_string($message[2] ?? null) || !is_string($message[3] ?? null)) {
                        throw $invalid('an error without a text');
                    }
                    $error = PusherError::refused($attempt, $message[2], $message[3]);
                    if (!isset($message[1]) && in_array($message[2], PusherError::GOODBYES, true)) {
                        throw new Goodbye($error);
                    }
                    return $error->endsConnection ? throw $error : $error;
                // A message of a later version: the protocol says to ignore it.
            }
        }
    }

    /** @throws PusherError The answer is one to another request. */
    private static function checkNumber(mixed $number, int $expected, callable $invalid): void
    {
        if ($number !== $expected) {
            throw $invalid('an answer to request ' . json_encode($number) . ", expected was one to $expected");
        }
    }
}

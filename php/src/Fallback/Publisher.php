<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;
use PusherReceipt;

/** Publishes to one pushd, over a connection that it opens at the first publish and keeps. */
final class Publisher
{
    /** The highest protocol version that this code supports. */
    private const VERSION = 1;

    private const WELCOME = 2;
    private const RECEIPT = 4;
    private const ERROR = 5;

    private ?Connection $connection = null;

    /** The process that opened the connection. */
    private ?string $processId = null;

    private int $lastRequest = 0;

    private readonly Breaker $breaker;

    public function __construct(private readonly Address $address, #[\SensitiveParameter] private readonly string $token)
    {
        $this->breaker = new Breaker($address);
    }

    /**
     * @param non-empty-list<Event> $events valid events
     * @return list<PusherReceipt|PusherError> one for each event
     */
    public function publish(array $events, int $timeoutMs, int $retryMs): array
    {
        $error = $this->breaker->notTried($retryMs);
        if ($error !== null) {
            return self::all($events, $error);
        }
        $deadline = new Deadline($timeoutMs);
        $answers = $this->ask($events, $deadline);
        $errors = array_filter($answers, static fn ($answer): bool => $answer instanceof PusherError && !$answer->isCallersMistake());
        $this->breaker->record(end($errors) ?: null, $deadline->elapsedMs() >= $timeoutMs / 2, $retryMs);
        return $answers;
    }

    /**
     * Publishes over the open connection. If there is none, or it was closed meanwhile, opens a new one.
     *
     * The connection is taken out of the property during use. If the script ends in between, for example in a signal
     * handler, no half-read connection is left.
     */
    private function ask(array $events, Deadline $deadline): array
    {
        [$connection, $this->connection] = [$this->connection, null];
        // A child of pcntl_fork() drops the inherited connection, which its parent uses.
        $processId = Process::id();
        $isOwn = $processId !== null && $this->processId === $processId;
        $this->processId = $processId;
        $goodbye = null;
        if ($connection !== null && $isOwn && !$connection->isStale()) {
            $answers = $this->exchange($connection, $events, '', $deadline);
            // pushd may have read the first of several events, unless its goodbye says that it has not.
            if (is_array($answers) || $answers === null && count($events) > 1) {
                return $answers ?? self::all($events, $connection->closed($deadline, Connection::RESET));
            }
            $goodbye = $answers;
        }
        $connection?->close();
        try {
            $connection = Connection::open($this->address, $deadline);
        } catch (PusherError $error) {
            // If pushd no longer listens, its goodbye says why.
            $isGone = $goodbye?->getCode() === PusherException::BUSY && $error->getCode() === PusherException::CONNECT;
            return self::all($events, $isGone ? $goodbye : $error);
        }
        $options = $this->token === '' ? '' : ',' . json_encode(['token' => $this->token], Json::FLAGS);
        $answers = $this->exchange($connection, $events, '[1,' . self::VERSION . "$options]\n", $deadline)
            ?? $connection->closed($deadline, Connection::RESET);
        return is_array($answers) ? $answers : self::all($events, $answers);
    }

    private static function all(array $events, PusherError $error): array
    {
        return array_fill(0, count($events), $error);
    }

    /**
     * Writes all events at once and reads their answers.
     *
     * @return list<PusherReceipt|PusherError>|PusherError|null an error alone, or null, if pushd read nothing: it sent a goodbye, or the
     *     connection broke
     */
    private function exchange(Connection $connection, array $events, #[\SensitiveParameter] string $hello, Deadline $deadline): array|PusherError|null
    {
        $first = $this->lastRequest + 1;
        $this->lastRequest += count($events);
        $message = $hello;
        foreach ($events as $index => $event) {
            $message .= $event->message($first + $index);
        }
        $answers = [];
        $isInOrder = false;
        try {
            $notSent = $connection->write($message, $deadline, $sent);
            // The only event is incomplete without its end (the last byte is a line end): pushd cannot have published it.
            $isCut = count($events) === 1 && $sent < strlen($message) - 1 && $notSent?->getCode() === PusherException::CLOSED;
            unset($message);
            $isUnsent = $isCut || $notSent?->getCode() === PusherException::CONNECT;
            if ($isUnsent && !$connection->isStale()) {
                return $notSent;
            }
            // Also after an incomplete write: pushd may have sent its reason before it stopped reading.
            while (count($answers) < count($events)) {
                $answers[] = $this->answer($connection, $first + count($answers), $deadline, $answers === []);
            }
            $isInOrder = $notSent === null && $connection->hasNothingLeft();
        } catch (PusherError $error) {
            if ($isUnsent && !$error->isRefusal()) {
                return $notSent;
            }
            return array_pad($answers, count($events), $error->isRefusal() ? $error : $notSent ?? $error);
        } catch (Goodbye $goodbye) {
            return $answers === [] ? $goodbye->error : array_pad($answers, count($events), $goodbye->error);
        } catch (Reset) {
            return $isUnsent || $notSent === null ? $notSent : self::all($events, $notSent);
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
     * Reads the answer to one event.
     *
     * @throws PusherError The connection cannot be used any more.
     * @throws Goodbye
     * @throws Reset
     */
    private function answer(Connection $connection, int $request, Deadline $deadline, bool $isFirst): PusherReceipt|PusherError
    {
        while (true) {
            $message = $connection->readMessage($deadline, $isFirst);
            $isFirst = false;
            $invalid = static fn (string $reason): PusherError => PusherError::protocol($connection->attemptUntil($deadline), $reason);
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
                    self::checkRequest($message[1] ?? null, $request, $invalid);
                    return self::receipt($message[2] ?? null, $message[3] ?? null) ?? throw $invalid('a receipt without numbers');
                case self::ERROR:
                    self::checkRequest($message[1] ?? $request, $request, $invalid);
                    if (!is_string($message[2] ?? null) || !is_string($message[3] ?? null)) {
                        throw $invalid('an error without a text');
                    }
                    $error = PusherError::refused($connection->attemptUntil($deadline), $message[2], $message[3]);
                    if (!isset($message[1]) && in_array($message[2], PusherError::GOODBYES, true)) {
                        throw new Goodbye($error);
                    }
                    return $error->endsConnection ? throw $error : $error;
                // A message of a later version: the protocol says to ignore it.
            }
        }
    }

    /** Keeps the connection if no answer is left on it: the next publish would take it for its own. */
    private static function checkRequest(mixed $request, int $expected, callable $invalid): void
    {
        if ($request !== $expected) {
            throw $invalid('an answer to request ' . json_encode($request) . ", expected was one to $expected");
        }
    }

    /** Null for values that are not numbers. */
    private static function receipt(mixed $sequence, mixed $subscribers): ?PusherReceipt
    {
        foreach ([$sequence, $subscribers] as $number) {
            // json_decode() returns a float for a number beyond PHP's int.
            $isNumber = is_int($number) ? $number >= 0 : is_float($number) && $number >= 2 ** 63 && $number <= 2 ** 64;
            if (!$isNumber) {
                return null;
            }
        }
        $int = static fn (int|float $number): int => is_int($number) ? $number : PHP_INT_MAX;
        static $make = null;
        $make ??= \Closure::bind(static function (int $sequence, int $subscribers): PusherReceipt {
            $receipt = new PusherReceipt();
            $receipt->subscribers = $subscribers;
            $receipt->sequence = $sequence;
            return $receipt;
        }, null, PusherReceipt::class);
        return $make($int($sequence), $int($subscribers));
    }
}

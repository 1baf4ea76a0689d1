<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;
use PusherReceipt;

/** Publishes to one pushd, over a connection that it opens at the first publish and keeps. */
final class Publisher
{
    /** The highest version of the protocol that this code speaks. */
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
     * @param non-empty-list<Event> $events each of which pushd can take
     * @return list<PusherReceipt|Fault> one for each event
     */
    public function publish(array $events, int $timeoutMs, int $retryMs): array
    {
        $fault = $this->breaker->fault($retryMs);
        if ($fault !== null) {
            return self::all($events, $fault);
        }
        $deadline = new Deadline($timeoutMs);
        $answers = $this->ask($events, $deadline);
        $faults = array_filter($answers, static fn ($answer): bool => $answer instanceof Fault && !$answer->isCallersMistake());
        $this->breaker->record(end($faults) ?: null, $deadline->elapsedMs() >= $timeoutMs / 2, $retryMs);
        return $answers;
    }

    /**
     * Asks over the connection there is, if any; over a new one if that was closed meanwhile.
     *
     * While it is in use it belongs to nobody else: whatever ends the script in between, a signal's
     * handler perhaps, leaves no connection behind that is half read.
     */
    private function ask(array $events, Deadline $deadline): array
    {
        [$connection, $this->connection] = [$this->connection, null];
        // A child of pcntl_fork() drops what it inherited: the connection itself is the parent's.
        $processId = Process::id();
        $isOwn = $processId !== null && $this->processId === $processId;
        $this->processId = $processId;
        $goodbye = null;
        if ($connection !== null && $isOwn && !$connection->isStale()) {
            $answers = $this->exchange($connection, $events, '', $deadline);
            // Of several events pushd may have read the first ones, unless it has said that it has not.
            if (is_array($answers) || $answers === null && count($events) > 1) {
                return $answers ?? self::all($events, $connection->closed($deadline, Connection::RESET));
            }
            $goodbye = $answers;
        }
        $connection?->close();
        try {
            $connection = Connection::open($this->address, $deadline);
        } catch (Fault $fault) {
            // If nobody listens any more, the goodbye has said why.
            $isGone = $goodbye?->getCode() === PusherException::BUSY && $fault->getCode() === PusherException::CONNECT;
            return self::all($events, $isGone ? $goodbye : $fault);
        }
        $options = $this->token === '' ? '' : ',' . json_encode(['token' => $this->token], Json::FLAGS);
        $answers = $this->exchange($connection, $events, '[1,' . self::VERSION . "$options]\n", $deadline)
            ?? $connection->closed($deadline, Connection::RESET);
        return is_array($answers) ? $answers : self::all($events, $answers);
    }

    private static function all(array $events, Fault $fault): array
    {
        return array_fill(0, count($events), $fault);
    }

    /**
     * Writes all events at once and reads their answers.
     *
     * @return list<PusherReceipt|Fault>|Fault|null a fault alone, or null, if pushd read nothing: it said goodbye, or the
     *     connection broke
     */
    private function exchange(Connection $connection, array $events, #[\SensitiveParameter] string $hello, Deadline $deadline): array|Fault|null
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
            // Also if not all was written: pushd may have said why it did not want to read it.
            while (count($answers) < count($events)) {
                $answers[] = $this->answer($connection, $first + count($answers), $deadline, $answers === []);
            }
            $isInOrder = $notSent === null && $connection->hasNothingLeft();
        } catch (Fault $fault) {
            if ($isUnsent && !$fault->isRefusal()) {
                return $notSent;
            }
            return array_pad($answers, count($events), $fault->isRefusal() ? $fault : $notSent ?? $fault);
        } catch (Goodbye $goodbye) {
            return $answers === [] ? $goodbye->fault : array_pad($answers, count($events), $goodbye->fault);
        } catch (Reset) {
            return $isUnsent || $notSent === null ? $notSent : self::all($events, $notSent);
        } finally {
            if ($isInOrder) {
                $this->connection = $connection;
            } else {
                // Whatever still refers to it: an exception's trace does.
                $connection->close();
            }
        }
        return $answers;
    }

    /**
     * The answer to one event.
     *
     * @throws Fault The connection is of no more use.
     * @throws Goodbye
     * @throws Reset
     */
    private function answer(Connection $connection, int $request, Deadline $deadline, bool $isFirst): PusherReceipt|Fault
    {
        while (true) {
            $message = $connection->readMessage($deadline, $isFirst);
            $isFirst = false;
            $invalid = static fn (string $reason): Fault => Fault::protocol($connection->attemptUntil($deadline), $reason);
            $type = $message[0] ?? null;
            // For a switch "4" would be 4.
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
                    $fault = Fault::refused($connection->attemptUntil($deadline), $message[2], $message[3]);
                    if (!isset($message[1]) && in_array($message[2], Fault::GOODBYES, true)) {
                        throw new Goodbye($fault);
                    }
                    return $fault->endsConnection ? throw $fault : $fault;
                // Others are a later version's; the protocol says to ignore them.
            }
        }
    }

    /** Left half-read, a connection would give a publish the answer to another. */
    private static function checkRequest(mixed $request, int $expected, callable $invalid): void
    {
        if ($request !== $expected) {
            throw $invalid('an answer to request ' . json_encode($request) . ", expected was one to $expected");
        }
    }

    /** null for what are no numbers. */
    private static function receipt(mixed $sequence, mixed $subscribers): ?PusherReceipt
    {
        foreach ([$sequence, $subscribers] as $number) {
            // json_decode makes a float of what PHP's int does not reach.
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

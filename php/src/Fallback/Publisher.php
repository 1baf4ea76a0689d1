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
    private const AT = 7;
    private const DRAINED = 9;

    private ?Connection $connection = null;

    /** The process that opened the connection. */
    private ?string $processId = null;

    private int $lastRequest = 0;

    /** The number of events in the spool that pushd's last answer to a DRAIN covers. Null before the first. */
    private ?int $drainedCount = null;

    private readonly Breaker $breaker;

    public function __construct(private readonly Address $address, #[\SensitiveParameter] private readonly string $token)
    {
        $this->breaker = new Breaker($address);
    }

    /**
     * @param non-empty-list<Event> $events valid events
     * @return list<PusherReceipt|PusherError> one for each event
     */
    public function publish(array $events, int $timeoutMs, int $retryMs, ?Spool $spool): array
    {
        $attempt = new Attempt($this->address, Operation::Publish, $timeoutMs);
        if ($spool === null) {
            return $this->try($events, $attempt, $retryMs);
        }
        $events = array_map(Spool::withId(...), $events);
        $answers = $this->try($events, $attempt, $retryMs, $spool);
        foreach ($answers as $index => $answer) {
            if ($answer instanceof PusherError && $answer->isTemporary()) {
                $failure = $spool->append($events[$index], $attempt->remainingUs());
                $answers[$index] = $failure === null ? Receipt::ofSpool() : $answer->notSpooled($failure);
            }
        }
        return $answers;
    }

    /** The present position of pushd's log. */
    public function position(int $timeoutMs, int $retryMs): string|PusherError
    {
        $attempt = new Attempt($this->address, Operation::Position, $timeoutMs);
        return $this->try([new PositionRequest()], $attempt, $retryMs)[0];
    }

    /**
     * Asks, unless the breaker is open.
     *
     * @param non-empty-list<Request> $requests
     * @return list<PusherReceipt|string|PusherError> one for each request
     */
    private function try(array $requests, Attempt $attempt, int $retryMs, ?Spool $spool = null): array
    {
        $error = $this->breaker->notTried($retryMs);
        if ($error !== null) {
            return self::all($requests, $error);
        }
        $notDrained = $spool === null ? null : $this->drain($spool, $attempt);
        $answers = $notDrained === null ? $this->ask($requests, $attempt) : self::all($requests, $notDrained);
        $errors = array_filter($answers, static fn ($answer): bool => $answer instanceof PusherError && !$answer->isCallersMistake());
        $this->breaker->record(end($errors) ?: null, $attempt->isSlow(), $retryMs);
        return $answers;
    }

    /**
     * Asks pushd to publish its spool first, if this process has written to it. Otherwise an event could overtake an
     * earlier one. PHP forgets at the end of a request what it has written, so the first publish looks at the file.
     */
    private function drain(Spool $spool, Attempt $attempt): ?PusherError
    {
        $spooledCount = Spool::count();
        if ($this->drainedCount === $spooledCount || $this->drainedCount === null && $spooledCount === 0 && !$spool->hasRecords()) {
            $this->drainedCount = $spooledCount;
            return null;
        }
        [$answer] = $this->ask([new DrainRequest()], $attempt->with(Operation::Drain));
        // An older pushd has no spool.
        if ($answer instanceof PusherError && !$answer->isUnknownType()) {
            return $answer;
        }
        $this->drainedCount = $spooledCount;
        return null;
    }

    /**
     * Asks over the open connection. If there is none, or it was closed meanwhile, opens a new one.
     *
     * The connection is taken out of the property during use. If the script ends in between, for example in a signal
     * handler, no half-read connection is left.
     */
    private function ask(array $requests, Attempt $attempt): array
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
                return $answers ?? self::all($requests, PusherError::closed($attempt, Connection::RESET));
            }
            $goodbye = $answers;
        }
        $connection?->close();
        try {
            $connection = Connection::open($attempt);
        } catch (PusherError $error) {
            // If pushd no longer listens, its goodbye says why.
            $isGone = $goodbye?->getCode() === PusherException::BUSY && $error->getCode() === PusherException::CONNECT;
            return self::all($requests, $isGone ? $goodbye : $error);
        }
        $options = $this->token === '' ? '' : ',' . json_encode(['token' => $this->token], Json::FLAGS);
        $answers = $this->exchange($connection, $requests, '[1,' . self::VERSION . "$options]\n", $attempt)
            ?? PusherError::closed($attempt, Connection::RESET);
        return is_array($answers) ? $answers : self::all($requests, $answers);
    }

    private static function all(array $requests, PusherError $error): array
    {
        return array_fill(0, count($requests), $error);
    }

    private static function isLost(mixed $answer): bool
    {
        return $answer instanceof PusherError && $answer->getCode() === PusherException::CLOSED;
    }

    /**
     * Writes all requests at once and reads their answers.
     *
     * @return list<PusherReceipt|string|PusherError>|PusherError|null an error alone, or null, if pushd read nothing: it sent a goodbye, or the
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
            return $isUnsent || $notSent === null ? $notSent : self::all($requests, $notSent);
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
    private function answer(Connection $connection, Request $request, int $number, Attempt $attempt, bool $isFirst): PusherReceipt|string|PusherError
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
                    self::checkNumber($message[1] ?? null, $number, $invalid);
                    return $request->answer($message) ?? throw $invalid(match ($attempt->operation) {
                        Operation::Publish => 'not a receipt',
                        Operation::Position => 'not a position',
                        Operation::Drain => 'not an answer to DRAIN',
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

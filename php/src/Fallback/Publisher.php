<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** Publishes to one pushd, and keeps the connection to it. */
final class Publisher
{
    private Protocol $protocol;

    /** Whether the last publish had a spool. */
    private bool $hasSpool = false;

    /** The number of events in the spool that pushd's last answer to a DRAIN covers. Null before the first. */
    private ?int $drainedCount = null;

    /** Publishes single events, if the settings have a library. */
    private ?Library $library = null;

    private readonly Breaker $breaker;

    public function __construct(private readonly Address $address, #[\SensitiveParameter] private readonly string $token)
    {
        $this->breaker = new Breaker($address);
        $this->disconnect();
    }

    /**
     * @param non-empty-list<Event> $events valid events
     * @param string $libraryPath of the library that publishes a single event; empty: none
     * @return list<PusherReceipt|PusherError> one for each event
     * @throws PusherError CONFIG if the library cannot be loaded
     */
    public function publish(array $events, int $timeoutMs, int $retryMs, ?Spool $spool, string $libraryPath = ''): array
    {
        $library = $libraryPath !== '' && Library::canPublish($events[0]) ? $this->library($libraryPath, $timeoutMs) : null;
        $attempt = new Attempt($this->address, Operation::Publish, $timeoutMs);
        if ($this->hasSpool !== ($spool !== null)) {
            $this->hasSpool = $spool !== null;
            $this->disconnect();
        }
        if ($spool === null) {
            return $this->try($events, $attempt, $retryMs, library: $library);
        }
        $events = array_map(Spool::withId(...), $events);
        $answers = $this->try($events, $attempt, $retryMs, $spool, $library);
        foreach ($answers as $index => $answer) {
            if ($answer instanceof PusherError && $answer->isTemporary()) {
                // After a refusal, pushd accepts nothing on this connection before a DRAIN, and only spooled events lead to one.
                $this->disconnect();
                $failure = $spool->append($events[$index], $attempt->remainingUs());
                $answers[$index] = $failure === null ? Receipt::ofSpool() : $answer->notSpooled($failure);
            }
        }
        return $answers;
    }

    /** Sends a request that publishes nothing. */
    public function request(Operation $operation, Request $request, int $timeoutMs, int $retryMs): string|int|array|PusherError
    {
        $attempt = new Attempt($this->address, $operation, $timeoutMs);
        return $this->try([$request], $attempt, $retryMs)[0];
    }

    /**
     * Asks, unless the breaker is open.
     *
     * @param non-empty-list<Request> $requests
     * @return list<PusherReceipt|string|int|array|PusherError> one for each request
     */
    private function try(array $requests, Attempt $attempt, int $retryMs, ?Spool $spool = null, ?Library $library = null): array
    {
        $error = $this->breaker->notTried($retryMs);
        if ($error !== null) {
            return PusherError::ofAll($requests, $error);
        }
        $isDrained = $spool === null || $this->isDrained($spool);
        $notDrained = $isDrained ? null : $this->drain($attempt);
        $answers = match (true) {
            $notDrained !== null => PusherError::ofAll($requests, $notDrained),
            // After a DRAIN, less than the timeout is left, and the library always takes the whole.
            $library !== null && $isDrained => [$library->publish($requests[0])],
            default => $this->protocol->ask($requests, $attempt),
        };
        $errors = array_filter($answers, static fn ($answer): bool => $answer instanceof PusherError && !$answer->isCallersMistake());
        $this->breaker->record(end($errors) ?: null, $attempt->isSlow(), $retryMs);
        return $answers;
    }

    /** Returns the library's client. A change of the settings makes a new one. */
    private function library(string $path, int $timeoutMs): Library
    {
        if ($this->library?->isFor($path, $timeoutMs) !== true) {
            $this->library = new Library($path, $this->address, $this->token, $timeoutMs);
        }
        return $this->library;
    }

    /**
     * Whether pushd has published all that this process has written to the spool. PHP forgets at the end of a request what
     * it has written, so the first publish looks at the file.
     */
    private function isDrained(Spool $spool): bool
    {
        $spooledCount = Spool::count();
        if ($this->drainedCount === null && $spooledCount === 0 && !$spool->hasRecords()) {
            $this->drainedCount = 0;
        }
        return $this->drainedCount === $spooledCount;
    }

    /** Asks pushd to publish its spool first. Otherwise an event could overtake an earlier one. */
    private function drain(Attempt $attempt): ?PusherError
    {
        $spooledCount = Spool::count();
        [$answer] = $this->protocol->ask([new DrainRequest()], $attempt->with(Operation::Drain));
        // An older pushd has no spool.
        if ($answer instanceof PusherError && !$answer->isUnknownType()) {
            return $answer;
        }
        $this->drainedCount = $spooledCount;
        return null;
    }

    /** Drops the connection. The next request opens a new one. */
    private function disconnect(): void
    {
        $this->protocol = $this->address->isHttp()
            ? new Http($this->address, $this->token)
            : new Native($this->token, $this->hasSpool);
    }
}

<?php
declare(strict_types=1);

namespace PusherFallback;

/** The one point in time that everything in a publish shares. */
final class Deadline
{
    private readonly int $startNs;

    public function __construct(private readonly int $timeoutMs)
    {
        $this->startNs = hrtime(true);
    }

    public function elapsedMs(): float
    {
        return (hrtime(true) - $this->startNs) / 1e6;
    }

    /** Time left in microseconds; below 1 when it has passed. */
    public function remainingUs(): int
    {
        return (int) ceil(($this->timeoutMs - $this->elapsedMs()) * 1e3);
    }

    public function hasPassed(): bool
    {
        return $this->remainingUs() < 1;
    }
}

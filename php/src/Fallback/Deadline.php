<?php
declare(strict_types=1);

namespace PusherFallback;

/** The deadline that all steps of a publish share. */
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

    /** Remaining time in microseconds. Below 1 after the deadline. */
    public function remainingUs(): int
    {
        return (int) ceil(($this->timeoutMs - $this->elapsedMs()) * 1e3);
    }

    public function hasPassed(): bool
    {
        return $this->remainingUs() < 1;
    }
}

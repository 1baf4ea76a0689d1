<?php
declare(strict_types=1);

namespace PusherFallback;

/** One publish, or one request for the position: its address, and the deadline that all its steps share. */
final class Attempt
{
    private readonly int $startNs;

    /** @param bool $isPublish whether a failure can leave an event published */
    public function __construct(public readonly Address $address, public readonly bool $isPublish, private readonly int $timeoutMs)
    {
        $this->startNs = hrtime(true);
    }

    /** The address and the time spent, for messages. */
    public function __toString(): string
    {
        return sprintf('%s after %.1F ms', $this->address, $this->elapsedMs());
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

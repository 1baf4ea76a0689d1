<?php
declare(strict_types=1);

namespace PusherFallback;

/** One operation: its address, and the deadline that all its steps share. */
final class Attempt
{
    private readonly int $startNs;

    /** Whether a failure can leave an event published. */
    public readonly bool $isPublish;

    /** @param int|null $startNs when it began (hrtime); by default now */
    public function __construct(
        public readonly Address $address,
        public readonly Operation $operation,
        private readonly int $timeoutMs,
        ?int $startNs = null,
    ) {
        $this->startNs = $startNs ?? hrtime(true);
        $this->isPublish = $operation === Operation::Publish;
    }

    /** Another operation with the same deadline. */
    public function with(Operation $operation): self
    {
        return new self($this->address, $operation, $this->timeoutMs, $this->startNs);
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

    /** Whether it has taken half of its timeout or more. */
    public function isSlow(): bool
    {
        return $this->elapsedMs() >= $this->timeoutMs / 2;
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

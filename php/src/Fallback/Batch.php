<?php
declare(strict_types=1);

namespace PusherFallback;

/** Events that are published together. */
final class Batch
{
    /** @var list<Event> */
    private array $events = [];

    /** Length of their messages in bytes. */
    private int $length = 0;

    /** @throws PusherError pushd would refuse the event. It was not added. */
    public function add(Event $event): void
    {
        $event->check();
        if ($this->isFullFor($event)) {
            throw PusherError::tooMany();
        }
        $this->length += $event->length(count($this->events) + 1);
        $this->events[] = $event;
    }

    /** Whether the event does not fit. */
    public function isFullFor(Event $event): bool
    {
        return count($this->events) === Limits::MANY_MAX
            || $this->length + $event->length(count($this->events) + 1) > Limits::MANY_LEN_MAX;
    }

    /** @return list<Event> */
    public function events(): array
    {
        return $this->events;
    }
}

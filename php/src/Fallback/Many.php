<?php
declare(strict_types=1);

namespace PusherFallback;

/** What sendMany() is called with. */
final class Many
{
    /**
     * Runs user code, which may change what references in $events lead to.
     *
     * @return array<Event> with the keys of $events
     * @throws Fault
     * @throws \TypeError An element is none.
     */
    public static function encode(string $method, array $events): array
    {
        $encoded = [];
        foreach ($events as $key => $event) {
            $isEvent = is_array($event)
                && in_array(array_keys($event), [[0, 1], [0, 1, 2]], true)
                && is_string($event[0])
                && is_string($event[2] ?? '');
            if (!$isEvent) {
                throw new \TypeError("$method(): Argument #1 (\$events) must contain only [category, data] and "
                    . '[category, data, id], category and id being strings, but ' . self::name($key) . ' is none');
            }
            try {
                $encoded[$key] = Event::of($event[0], $event[1], $event[2] ?? null);
            } catch (Fault $mistake) {
                throw $mistake->about(self::name($key));
            }
        }
        return $encoded;
    }

    /**
     * @param array<Event> $events
     * @throws Fault
     */
    public static function batch(array $events): Batch
    {
        $batch = new Batch();
        foreach ($events as $key => $event) {
            try {
                $batch->add($event);
            } catch (Fault $mistake) {
                throw $mistake->about(self::name($key));
            }
        }
        return $batch;
    }

    /** How an event is called in messages. */
    private static function name(int|string $key): string
    {
        return 'event ' . (is_int($key) ? $key : Text::quotedBytes($key));
    }
}

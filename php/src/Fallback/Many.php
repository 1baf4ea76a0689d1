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
            if (!self::isEvent($event)) {
                throw Report::placed(new \TypeError("$method(): Argument #1 (\$events) must contain only [category, data] and "
                    . '[category, data, id], category and id being strings, but ' . self::name($key) . ' is none'));
            }
            // Copies: the user code that follows may change what they refer to.
            [$category, $data, $id] = [$event[0], $event[1], $event[2] ?? null];
            [$category, $id] = [(string) $category, $id === null ? null : (string) $id];
            try {
                $encoded[$key] = Event::of($category, $data, $id);
            } catch (Fault $mistake) {
                throw $mistake->about(self::name($key));
            }
        }
        return $encoded;
    }

    /** `[category, data]` or `[category, data, id]`. */
    private static function isEvent(mixed $event): bool
    {
        if (!is_array($event) || !array_key_exists(0, $event) || !array_key_exists(1, $event)) {
            return false;
        }
        return self::isText($event[0]) && match (count($event)) {
            2 => true,
            3 => array_key_exists(2, $event) && ($event[2] === null || self::isText($event[2])),
            default => false,
        };
    }

    /** Numbers of rows and objects that are text count as such, as they do for publish(). */
    private static function isText(mixed $value): bool
    {
        return is_string($value) || is_int($value) || $value instanceof \Stringable;
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

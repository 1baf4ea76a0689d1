<?php
declare(strict_types=1);

namespace PusherFallback;

/** The argument of sendMany(). */
final class Many
{
    /**
     * Encodes the events. Runs user code, which may change the targets of references in $events.
     *
     * @return array<Event> with the keys of $events
     * @throws PusherError
     * @throws \TypeError An element is not an event.
     */
    public static function encode(string $method, array $events): array
    {
        $encoded = [];
        foreach ($events as $key => $event) {
            if (!self::isEvent($event)) {
                throw Report::placed(new \TypeError("$method(): Argument #1 (\$events) must contain only [category, data] and "
                    . '[category, data, id], category and id being strings, but ' . self::name($key) . ' is none'));
            }
            // Copies, because user code may change the targets of references.
            [$category, $data, $id] = [$event[0], $event[1], $event[2] ?? null];
            [$category, $id] = [(string) $category, $id === null ? null : (string) $id];
            try {
                $encoded[$key] = Event::of($category, $data, $id);
            } catch (PusherError $mistake) {
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

    /** Numbers and Stringable objects count as text, as they do for publish(). */
    private static function isText(mixed $value): bool
    {
        return is_string($value) || is_int($value) || $value instanceof \Stringable;
    }

    /**
     * @param array<Event> $events
     * @throws PusherError
     */
    public static function batch(array $events): Batch
    {
        $batch = new Batch();
        foreach ($events as $key => $event) {
            try {
                $batch->add($event);
            } catch (PusherError $mistake) {
                throw $mistake->about(self::name($key));
            }
        }
        return $batch;
    }

    /** The name of an event in messages. */
    private static function name(int|string $key): string
    {
        return 'event ' . (is_int($key) ? $key : Text::quotedBytes($key));
    }
}

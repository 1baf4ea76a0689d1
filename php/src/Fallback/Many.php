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
                    . '[category, data, id], category and id being strings, optionally with latest => bool, ttl => int and '
                    . 'exclude => string, but ' . self::name($key) . ' is none'));
            }
            // Copies, because user code may change the targets of references.
            [$category, $data, $id] = [$event[0], $event[1], $event[2] ?? null];
            [$latest, $ttl, $exclude] = [$event['latest'] ?? false, $event['ttl'] ?? null, $event['exclude'] ?? null];
            [$category, $id] = [(string) $category, $id === null ? null : (string) $id];
            $exclude = $exclude === null ? null : (string) $exclude;
            try {
                $encoded[$key] = Event::of($category, $data, $id, $latest, $ttl, $exclude);
            } catch (PusherError $mistake) {
                throw $mistake->about(self::name($key));
            }
        }
        return $encoded;
    }

    /** `[category, data]` or `[category, data, id]`, each with `latest`, `ttl` and `exclude` or without. */
    private static function isEvent(mixed $event): bool
    {
        if (!is_array($event) || !array_key_exists(0, $event) || !array_key_exists(1, $event)) {
            return false;
        }
        $known = array_filter([0, 1, 2, 'latest', 'ttl', 'exclude'], static fn (int|string $key): bool => array_key_exists($key, $event));
        return count($known) === count($event)
            && self::isText($event[0])
            && (!isset($event[2]) || self::isText($event[2]))
            && (!array_key_exists('latest', $event) || is_bool($event['latest']))
            && (!isset($event['ttl']) || is_int($event['ttl']))
            && (!isset($event['exclude']) || self::isText($event['exclude']));
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

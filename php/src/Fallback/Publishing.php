<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** The ways of publishing, from what the caller gave to what the caller gets. */
final class Publishing
{
    /** @var array<string, Publisher> the one that was used last is the last */
    private static array $publishers = [];

    /** @throws \PusherException */
    public static function checkSettings(?string $address, array $options): void
    {
        try {
            Settings::checkNames($options);
            Settings::read($address, $options);
        } catch (Fault $mistake) {
            Report::throw($mistake);
        }
    }

    /** @throws \PusherException */
    public static function one(string $method, ?string $address, array $options, string $category, mixed $data, ?string $id): ?PusherReceipt
    {
        try {
            $event = Event::of($category, $data, $id);
            $settings = Settings::read($address, $options);
            $event->check();
        } catch (Fault $mistake) {
            Report::throw($mistake);
        }
        [$answer] = self::publish([$event], $settings);
        if ($answer instanceof PusherReceipt) {
            return $answer;
        }
        Report::failure($method, $answer, $settings->onFailure);
        return null;
    }

    /**
     * @return array<PusherReceipt|null> with the keys of $events
     * @throws \PusherException
     */
    public static function many(string $method, ?string $address, array $options, array $events): array
    {
        try {
            $encoded = self::encodeAll($events);
            $settings = Settings::read($address, $options);
            array_map(static fn (Event $event) => $event->check(), $encoded);
        } catch (Fault $mistake) {
            Report::throw($mistake);
        }
        return self::report($method, array_keys($events), self::publish($encoded, $settings), $settings->onFailure);
    }

    public static function defer(string $category, mixed $data, ?string $id): void
    {
        try {
            $event = Event::of($category, $data, $id);
            $event->check();
            Deferred::add($event);
        } catch (Fault $mistake) {
            Report::throw($mistake);
        }
    }

    /** What Deferred collected. Nobody could catch an exception any more. */
    public static function deferred(array $events): void
    {
        try {
            $settings = Settings::read(null, []);
        } catch (Fault $mistake) {
            Report::failure('Pusher::defer', $mistake, 'warning');
            return;
        }
        $onFailure = $settings->onFailure === 'exception' ? 'warning' : $settings->onFailure;
        self::report('Pusher::defer', array_keys($events), self::publish($events, $settings), $onFailure);
    }

    /**
     * @return list<PusherReceipt|Fault>
     */
    private static function publish(array $events, Settings $settings): array
    {
        if ($events === []) {
            return [];
        }
        $key = "$settings->address $settings->token";
        $publisher = self::$publishers[$key] ?? new Publisher($settings->address, $settings->token);
        unset(self::$publishers[$key]);
        if (count(self::$publishers) === Limits::PUBLISHERS_MAX) {
            unset(self::$publishers[array_key_first(self::$publishers)]);
        }
        self::$publishers[$key] = $publisher;
        return $publisher->publish($events, $settings->timeoutMs, $settings->retryMs);
    }

    /** @return array<PusherReceipt|null> */
    private static function report(string $method, array $keys, array $answers, string $onFailure): array
    {
        $faults = array_values(array_filter($answers, static fn ($answer): bool => $answer instanceof Fault));
        if ($faults !== []) {
            Report::failure($method, Fault::ofMany($faults[0], count($faults), count($answers)), $onFailure);
        }
        return array_combine($keys, array_map(static fn ($answer) => $answer instanceof Fault ? null : $answer, $answers));
    }

    /**
     * @return list<Event>
     * @throws Fault
     */
    private static function encodeAll(array $events): array
    {
        if (count($events) > Limits::MANY_MAX) {
            throw Fault::tooBig(count($events) . ' events are too many, at most ' . Limits::MANY_MAX . ' are allowed');
        }
        $encoded = [];
        $length = 0;
        foreach ($events as $key => $event) {
            $encoded[] = $last = self::encodeElement($key, $event);
            $length += $last->length();
            if ($length > Limits::MANY_LEN_MAX) {
                throw Fault::tooBig('the events are more than ' . Limits::MANY_LEN_MAX . ' bytes long together');
            }
        }
        return $encoded;
    }

    private static function encodeElement(int|string $key, mixed $event): Event
    {
        $isPair = is_array($event) && array_is_list($event) && in_array(count($event), [2, 3], true);
        if (!$isPair || !is_string($event[0]) || !is_string($event[2] ?? '')) {
            throw new \TypeError('Pusher::sendMany(): Argument #1 ($events) must be of [category, data] or [category, data, id], '
                . Text::quoted((string) $key) . ' is not');
        }
        return Event::of($event[0], $event[1], $event[2] ?? null);
    }
}

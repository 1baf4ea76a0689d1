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
    public static function checkSettings(?string $address, #[\SensitiveParameter] array $options): void
    {
        if (Host::missingFunction() !== null) {
            // The publish will say so.
            return;
        }
        try {
            Settings::checkNames($options);
            Settings::read($address, $options);
        } catch (Fault $mistake) {
            Report::throw($mistake);
        }
    }

    /** @throws \PusherException */
    public static function one(
        string $method,
        ?string $address,
        #[\SensitiveParameter] array $options,
        string $category,
        mixed $data,
        ?string $id,
    ): ?PusherReceipt {
        if (self::isImpossible($method, $options)) {
            return null;
        }
        try {
            $event = Event::of($category, $data, $id);
            // User code has run. From here to the receipt there is none.
            $settings = Settings::read($address, $options);
            $event->check();
            [$answer] = self::publish([$event], $settings);
            if ($answer instanceof Fault && $answer->isCallersMistake()) {
                // One that only pushd has found.
                throw $answer;
            }
        } catch (Fault $mistake) {
            Report::throw($mistake);
        }
        if ($answer instanceof Fault) {
            Report::failure($method, $answer, $settings->onFailure);
            return null;
        }
        return $answer;
    }

    /**
     * @return array<PusherReceipt|null> with the keys of $events
     * @throws \PusherException
     */
    public static function many(string $method, ?string $address, #[\SensitiveParameter] array $options, array $events): array
    {
        if (self::isImpossible($method, $options)) {
            foreach ($events as &$event) {
                $event = null;
            }
            return $events;
        }
        try {
            if (count($events) > Limits::MANY_MAX) {
                throw Fault::tooMany();
            }
            $encoded = Many::encode($method, $events);
            $batch = Many::batch($encoded);
            $settings = Settings::read($address, $options);
        } catch (Fault $mistake) {
            Report::throw($mistake);
        }
        $answers = self::publish($batch->events(), $settings);
        self::reportMissing($method, $answers, 'events', $settings->onFailure);
        $receipts = array_map(static fn ($answer) => $answer instanceof Fault ? null : $answer, $answers);
        return array_combine(array_keys($encoded), $receipts);
    }

    /** @throws \PusherException */
    public static function defer(string $category, mixed $data, ?string $id): void
    {
        if (self::isImpossible('Pusher::defer', ['on_failure' => self::ofDeferred(Settings::onFailureWithoutFunctions([]))])) {
            return;
        }
        try {
            $event = Event::of($category, $data, $id);
            $settings = Settings::read(null, []);
            Deferred::add($event, $settings);
        } catch (Fault $mistake) {
            Report::throw($mistake);
        }
    }

    /**
     * What was deferred.
     *
     * @param list<Event> $events
     */
    public static function deferred(array $events, #[\SensitiveParameter] Settings $settings): void
    {
        $events === [] || self::reportMissing(
            'Pusher::defer',
            self::publish($events, $settings),
            'deferred events',
            self::ofDeferred($settings->onFailure),
        );
    }

    /** There may be nobody left to catch an exception, so a failure is never more than a warning. */
    private static function ofDeferred(string $onFailure): string
    {
        return $onFailure === 'exception' ? 'warning' : $onFailure;
    }

    /**
     * Whether the host forbids a function that publishing needs: a failure like any other, since no
     * call and no setting is wrong. Tells the caller.
     *
     * @throws \PusherException
     */
    private static function isImpossible(string $method, #[\SensitiveParameter] array $options): bool
    {
        $missing = Host::missingFunction();
        if ($missing !== null) {
            Report::failure($method, Fault::missing($missing), Settings::onFailureWithoutFunctions($options));
        }
        return $missing !== null;
    }

    /** @return list<PusherReceipt|Fault> */
    private static function publish(array $events, #[\SensitiveParameter] Settings $settings): array
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

    /** @param list<PusherReceipt|Fault> $answers */
    private static function reportMissing(string $method, array $answers, string $events, string $onFailure): void
    {
        $faults = array_values(array_filter($answers, static fn ($answer): bool => $answer instanceof Fault));
        if ($faults !== []) {
            Report::failure($method, $faults[0]->among(count($faults), count($answers), $events), $onFailure);
        }
    }
}

<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** Publishing, from the caller's arguments to the result. */
final class Publishing
{
    /** @var array<string, Publisher> ordered by use, the most recent last */
    private static array $publishers = [];

    /** @throws \PusherException */
    public static function checkSettings(?string $address, #[\SensitiveParameter] array $options): void
    {
        if (Host::missingFunction() !== null) {
            // The publish reports it.
            return;
        }
        try {
            Settings::checkNames($options);
            Settings::read($address, $options);
        } catch (PusherError $mistake) {
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
        bool $latest,
        ?int $ttl,
        ?string $exclude,
    ): ?PusherReceipt {
        if (self::isImpossible($method, $options)) {
            return null;
        }
        try {
            $event = Event::of($category, $data, $id, $latest, $ttl, $exclude);
            // User code has run. None runs from here until the receipt.
            $settings = Settings::read($address, $options);
            $event->check();
            [$answer] = self::publish([$event], $settings, $settings->library);
            if ($answer instanceof PusherError && $answer->isCallersMistake()) {
                // A mistake that only pushd found.
                throw $answer;
            }
        } catch (PusherError $mistake) {
            Report::throw($mistake);
        }
        if ($answer instanceof PusherError) {
            Report::failure($method, $answer, $settings->onFailure);
            return null;
        }
        return $answer;
    }

    /** @throws \PusherException */
    public static function position(string $method, ?string $address, #[\SensitiveParameter] array $options): ?string
    {
        return self::ask($method, static fn (): array => [Operation::Position, new PositionRequest()], $address, $options);
    }

    /**
     * Sends a request that publishes nothing.
     *
     * @param callable(): array{Operation, Request} $question may throw a PusherError for a mistake of the caller
     * @throws \PusherException
     */
    public static function ask(string $method, callable $question, ?string $address = null, #[\SensitiveParameter] array $options = []): string|int|array|null
    {
        if (self::isImpossible($method, $options)) {
            return null;
        }
        try {
            [$operation, $request] = $question();
            $settings = Settings::read($address, $options);
            $answer = self::publisher($settings)->request($operation, $request, $settings->timeoutMs, $settings->retryMs);
            if ($answer instanceof PusherError && $answer->isCallersMistake()) {
                // A mistake that only pushd found.
                throw $answer;
            }
        } catch (PusherError $mistake) {
            Report::throw($mistake);
        }
        if ($answer instanceof PusherError) {
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
                throw PusherError::tooMany();
            }
            $encoded = Many::encode($method, $events);
            $batch = Many::batch($encoded);
            $settings = Settings::read($address, $options);
        } catch (PusherError $mistake) {
            Report::throw($mistake);
        }
        $answers = self::publish($batch->events(), $settings);
        self::reportMissing($method, $answers, 'events', $settings->onFailure);
        $receipts = array_map(static fn ($answer) => $answer instanceof PusherError ? null : $answer, $answers);
        return array_combine(array_keys($encoded), $receipts);
    }

    /** @throws \PusherException */
    public static function defer(string $category, mixed $data, ?string $id, bool $latest, ?int $ttl, ?string $exclude): void
    {
        if (self::isImpossible('Pusher::defer', ['on_failure' => self::ofDeferred(Settings::onFailureWithoutFunctions([]))])) {
            return;
        }
        try {
            $event = Event::of($category, $data, $id, $latest, $ttl, $exclude);
            $settings = Settings::read(null, []);
            Deferred::add($event, $settings);
        } catch (PusherError $mistake) {
            Report::throw($mistake);
        }
    }

    /**
     * Publishes deferred events.
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

    /** A failure is at most a warning, because the page's code may have ended and cannot catch an exception. */
    private static function ofDeferred(string $onFailure): string
    {
        return $onFailure === 'exception' ? 'warning' : $onFailure;
    }

    /**
     * Whether the host forbids a function that publishing needs. Reports it as a failure, because neither the call nor a
     * setting is wrong.
     *
     * @throws \PusherException
     */
    private static function isImpossible(string $method, #[\SensitiveParameter] array $options): bool
    {
        $missing = Host::missingFunction();
        if ($missing !== null) {
            Report::failure($method, PusherError::missing($missing), Settings::onFailureWithoutFunctions($options));
        }
        return $missing !== null;
    }

    /**
     * @param string $library the library for a single event, or empty
     * @return list<PusherReceipt|PusherError>
     * @throws PusherError CONFIG if the library cannot be loaded
     */
    private static function publish(array $events, #[\SensitiveParameter] Settings $settings, string $library = ''): array
    {
        return $events === []
            ? []
            : self::publisher($settings)->publish($events, $settings->timeoutMs, $settings->retryMs, $settings->spool, $library);
    }

    private static function publisher(#[\SensitiveParameter] Settings $settings): Publisher
    {
        $key = "$settings->address $settings->token";
        $publisher = self::$publishers[$key] ?? new Publisher($settings->address, $settings->token);
        unset(self::$publishers[$key]);
        if (count(self::$publishers) === Limits::PUBLISHERS_MAX) {
            unset(self::$publishers[array_key_first(self::$publishers)]);
        }
        return self::$publishers[$key] = $publisher;
    }

    /** @param list<PusherReceipt|PusherError> $answers */
    private static function reportMissing(string $method, array $answers, string $events, string $onFailure): void
    {
        $errors = array_values(array_filter($answers, static fn ($answer): bool => $answer instanceof PusherError));
        if ($errors !== []) {
            Report::failure($method, $errors[0]->among(count($errors), count($answers), $events), $onFailure);
        }
    }
}

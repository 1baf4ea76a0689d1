<?php
declare(strict_types=1);

namespace PusherFallback;

/** What is to be published when the page has been sent. */
final class Deferred
{
    /** @var list<Event> */
    private static array $events = [];
    private static int $length = 0;
    private static int $processId = 0;

    /** @throws Fault TOO_BIG when so much waits already */
    public static function add(Event $event): void
    {
        if (self::$processId !== getmypid()) {
            // A child of pcntl_fork() leaves the parent's to the parent.
            [self::$events, self::$length, self::$processId] = [[], 0, getmypid()];
            register_shutdown_function(self::atShutdown(...));
        }
        if (count(self::$events) >= Limits::MANY_MAX || self::$length + $event->length() > Limits::MANY_LEN_MAX) {
            throw Fault::tooBig('too much waits for the end of the request already: at most '
                . Limits::MANY_MAX . ' events of ' . Limits::MANY_LEN_MAX . ' bytes together');
        }
        self::$events[] = $event;
        self::$length += $event->length();
    }

    /** Goes behind all shutdown functions that there are: they may have something to say, or to defer. */
    private static function atShutdown(): void
    {
        register_shutdown_function(self::send(...));
    }

    private static function send(): void
    {
        if (self::$processId !== getmypid() || self::$events === []) {
            return;
        }
        [$events, self::$events, self::$processId] = [self::$events, [], 0];
        self::finishResponse();
        Publishing::deferred($events);
    }

    /** The page must not wait for us. */
    private static function finishResponse(): void
    {
        while (ob_get_level() > 0 && SystemError::of(ob_end_flush(...)));
        flush();
        foreach (['fastcgi_finish_request', 'litespeed_finish_request'] as $finish) {
            function_exists($finish) && $finish();
        }
    }
}

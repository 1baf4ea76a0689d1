<?php
declare(strict_types=1);

namespace PusherFallback;

/** What is to be published when the page is done. */
final class Deferred
{
    private static ?Batch $batch = null;

    /** Who filled it: a child of pcntl_fork() leaves the parent's to the parent. */
    private static ?string $processId = null;

    /** The request's events are sent. What comes later can't wait any more. */
    private static bool $isOver = false;

    /** Goes with the request's other objects: a shutdown function that exits keeps those behind it from being called. */
    private static ?self $last = null;

    private function __construct()
    {
    }

    public function __destruct()
    {
        // Not for what unserialize() makes of somebody's text.
        $this === self::$last && self::end();
    }

    /**
     * A full batch is sent first, at once, so that the order remains.
     *
     * @throws Fault What pushd would refuse.
     */
    public static function add(Event $event, #[\SensitiveParameter] Settings $settings): void
    {
        $event->check();
        $processId = Process::id();
        if (self::$processId !== $processId) {
            [self::$batch, self::$processId] = [null, $processId];
        }
        if (self::$batch?->isFullFor($event)) {
            Publishing::deferred(self::take(), $settings);
        }
        self::$last ??= new self();
        self::$batch ??= new Batch();
        self::$batch->add($event);
        if (self::$isOver) {
            Publishing::deferred(self::take(), $settings);
        }
    }

    /** Called when the shutdown functions have run; a second time there is nothing left. */
    public static function end(): void
    {
        if (self::$batch !== null && self::$processId === Process::id()) {
            self::finishPage();
        }
        self::$isOver = true;
        $events = self::take();
        if ($events === []) {
            return;
        }
        try {
            $settings = Settings::read(null, []);
        } catch (Fault $mistake) {
            Report::failure('Pusher::defer', $mistake->among(count($events), count($events), 'deferred events'), 'warning');
            return;
        }
        Publishing::deferred($events, $settings);
    }

    /** @return list<Event> */
    private static function take(): array
    {
        [$batch, self::$batch] = [self::$batch, null];
        return $batch !== null && self::$processId === Process::id() ? $batch->events() : [];
    }

    /** Lets the visitor go, as far as the server can. A session would keep his next page waiting. */
    private static function finishPage(): void
    {
        // Or PHP ends here, with nothing sent, if he has gone already.
        function_exists('ignore_user_abort') && ignore_user_abort(true);
        function_exists('session_write_close') && session_write_close();
        if (function_exists('ob_get_level') && function_exists('ob_end_flush')) {
            while (ob_get_level() > 0 && SystemError::of(ob_end_flush(...)));
        }
        function_exists('flush') && flush();
        foreach (['fastcgi_finish_request', 'litespeed_finish_request'] as $finish) {
            function_exists($finish) && $finish();
        }
    }
}

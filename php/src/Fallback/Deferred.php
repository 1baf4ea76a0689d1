<?php
declare(strict_types=1);

namespace PusherFallback;

/** Events that are published after the page. */
final class Deferred
{
    private static ?Batch $batch = null;

    /** The process that filled the batch. A child of pcntl_fork() must not send its parent's events. */
    private static ?string $processId = null;

    /** The request's events are sent. Later events are sent at once. */
    private static bool $isOver = false;

    /** Sends the events when PHP destroys the request's objects, in case a shutdown function exited before ours ran. */
    private static ?self $last = null;

    private function __construct()
    {
    }

    public function __destruct()
    {
        // Not for an object that unserialize() made from foreign text.
        $this === self::$last && self::end();
    }

    /**
     * Queues an event. A full batch is sent first, so that the order is kept.
     *
     * @throws PusherError pushd would refuse the event.
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

    /** Called after the shutdown functions. A second call sends nothing. */
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
        } catch (PusherError $mistake) {
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

    /** Finishes the response, if the server can. An open session would make the visitor's next page wait. */
    private static function finishPage(): void
    {
        // Otherwise PHP ends here, with nothing sent, if the visitor has gone.
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

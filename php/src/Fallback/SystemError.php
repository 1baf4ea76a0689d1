<?php
declare(strict_types=1);

namespace PusherFallback;

/** Errors of the system. PHP's stream functions report them as text, in a notice. */
final class SystemError
{
    // Linux' error numbers.
    public const EPERM = 1;
    public const ENOENT = 2;
    public const EINTR = 4;
    public const EAGAIN = 11;
    public const EACCES = 13;
    public const ECONNRESET = 104;
    public const ECONNREFUSED = 111;
    public const ETIMEDOUT = 110;

    /**
     * Calls a function and keeps its notice from the page and its error handler.
     *
     * @param string|null $notice the text of the last notice
     * @param string|null $first that of the first one
     */
    public static function of(callable $function, ?string &$notice = null, ?string &$first = null): mixed
    {
        $notice = $first = null;
        if (!function_exists('set_error_handler') || !function_exists('restore_error_handler')) {
            // PHP still calls the page's error handler, but error_reporting() tells the handler that the notice is silenced.
            return @$function();
        }
        set_error_handler(static function (int $level, string $message) use (&$notice, &$first): bool {
            [$notice, $first] = [$message, $first ?? $message];
            return true;
        });
        try {
            return $function();
        } finally {
            restore_error_handler();
        }
    }

    /** `Send of 3 bytes failed with errno=32 Broken pipe` as `Broken pipe (os error 32)`. */
    public static function text(?string $notice): string
    {
        return preg_match('/errno=(\d+) (.*)/', (string) $notice, $match) === 1
            ? "$match[2] (os error $match[1])"
            : ($notice ?? 'unknown error');
    }
}

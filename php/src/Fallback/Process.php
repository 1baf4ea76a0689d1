<?php
declare(strict_types=1);

namespace PusherFallback;

/** What this process is to the system. */
final class Process
{
    /** What keeps closed standard descriptors from being used again. */
    private static array $placeholders = [];

    /**
     * Tells this process from a child of pcntl_fork(), which inherits its parent's connections and events: different in
     * parent and child; null where the host forbids everything that would tell.
     */
    public static function id(): ?string
    {
        $number = match (true) {
            function_exists('getmypid') => getmypid(),
            function_exists('posix_getpid') => posix_getpid(),
            default => self::link('/proc/self'),
        };
        // In a PID namespace of its own (pcntl_unshare) a child may have its parent's number.
        return $number === false ? null : "$number " . self::link('/proc/self/ns/pid');
    }

    /** A script that was started without stdout would print into the next connection that is opened. */
    public static function occupyStandardDescriptors(): void
    {
        if (PHP_SAPI !== 'cli' || self::$placeholders !== [] || !function_exists('file_exists') || !function_exists('fopen')) {
            return;
        }
        SystemError::of(static function (): void {
            foreach ([0, 1, 2] as $descriptor) {
                if (!file_exists("/proc/self/fd/$descriptor")) {
                    self::$placeholders[] = fopen('/dev/null', 'r+');
                }
            }
        });
    }

    private static function link(string $path): string|false
    {
        return function_exists('readlink') ? SystemError::of(static fn () => readlink($path)) : false;
    }
}

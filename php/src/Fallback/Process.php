<?php
declare(strict_types=1);

namespace PusherFallback;

/** The identity of this process, and its descriptors. */
final class Process
{
    /** Files that occupy closed standard descriptors. */
    private static array $placeholders = [];

    /**
     * Returns a value that differs between a parent and a child of pcntl_fork(), which inherits connections and events.
     * Null if the host forbids every function for it.
     */
    public static function id(): ?string
    {
        $number = match (true) {
            function_exists('getmypid') => getmypid(),
            function_exists('posix_getpid') => posix_getpid(),
            default => self::link('/proc/self'),
        };
        // In its own PID namespace (pcntl_unshare) a child may have the number of its parent.
        return $number === false ? null : "$number " . self::link('/proc/self/ns/pid');
    }

    /** Occupies closed standard descriptors: otherwise the output of a script without stdout would go into a connection. */
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

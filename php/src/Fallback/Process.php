<?php
declare(strict_types=1);

namespace PusherFallback;

/** Tells this process from a child of pcntl_fork(), which inherits its parent's connections and events. */
final class Process
{
    /** Different in parent and child; null where the host forbids everything that would tell. */
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

    private static function link(string $path): string|false
    {
        return function_exists('readlink') ? SystemError::of(static fn () => readlink($path)) : false;
    }
}

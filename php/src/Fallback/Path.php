<?php
declare(strict_types=1);

namespace PusherFallback;

/** Paths of Unix and of Windows. */
final class Path
{
    /** Whether a path depends on no current folder or drive. */
    public static function isAbsolute(string $path, bool $isWindows = PHP_OS_FAMILY === 'Windows'): bool
    {
        return preg_match($isWindows ? '~\A(?:[A-Za-z]:|[\\\\/])[\\\\/]~' : '~\A/~', $path) === 1;
    }

    /** The key file of pushd's packages. */
    public static function keyFile(bool $isWindows = PHP_OS_FAMILY === 'Windows'): string
    {
        return $isWindows ? 'C:\ProgramData\pushd\ticket.keys' : '/etc/pushd/ticket.keys';
    }

    /** libpusher, as an example. */
    public static function library(bool $isWindows = PHP_OS_FAMILY === 'Windows'): string
    {
        return $isWindows ? 'C:\pushd\pusher.dll' : '/usr/lib/libpusher.so.0';
    }

    /** The spool of pushd's packages, as an example. */
    public static function spool(bool $isWindows = PHP_OS_FAMILY === 'Windows'): string
    {
        return $isWindows ? 'C:\ProgramData\pushd\spool' : '/var/spool/pushd';
    }
}

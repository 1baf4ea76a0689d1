<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;

/** How the caller is told. */
final class Report
{
    /** Throws, warns or does nothing. */
    public static function failure(string $method, #[\SensitiveParameter] Fault $fault, string $onFailure): void
    {
        if ($onFailure === 'exception') {
            self::throw($fault);
        }
        if ($onFailure === 'warning') {
            [$file, $line] = self::caller();
            $where = $file === null ? '' : ", called in $file on line $line";
            trigger_error("$method(): {$fault->getMessage()}$where", E_USER_WARNING);
        }
    }

    /** @throws PusherException as from the caller's line */
    public static function throw(#[\SensitiveParameter] Fault $fault): never
    {
        throw self::placed(new PusherException($fault->getMessage(), $fault->getCode()));
    }

    /** The same exception, as from the caller's line. */
    public static function placed(\Throwable $exception): \Throwable
    {
        [$file, $line] = self::caller();
        $class = $exception instanceof \Error ? \Error::class : \Exception::class;
        if ($file !== null) {
            (new \ReflectionProperty($class, 'file'))->setValue($exception, $file);
            (new \ReflectionProperty($class, 'line'))->setValue($exception, $line);
        }
        return $exception;
    }

    /** @return array{string, int}|array{null, null} the line outside that called, if there is one */
    private static function caller(): array
    {
        foreach (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS) as $frame) {
            if (isset($frame['file']) && !str_starts_with($frame['file'], dirname(__DIR__) . '/')) {
                return [$frame['file'], $frame['line']];
            }
        }
        return [null, null];
    }
}

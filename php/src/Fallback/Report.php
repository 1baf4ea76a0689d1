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
            self::warn("$method(): {$fault->getMessage()}$where");
        }
    }

    private static function warn(string $message): void
    {
        match (true) {
            function_exists('trigger_error') => trigger_error($message, E_USER_WARNING),
            function_exists('error_log') => error_log($message),
            default => null,
        };
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
        if ($file !== null) {
            // Both properties are protected, and a scope must be a class in PHP code.
            $scope = $exception instanceof \Error ? ErrorScope::class : Fault::class;
            \Closure::bind(function () use ($file, $line): void {
                [$this->file, $this->line] = [$file, $line];
            }, $exception, $scope)();
        }
        return $exception;
    }

    /** @return array{string, int}|array{null, null} the line outside that called, if there is one */
    private static function caller(): array
    {
        foreach (['debug_backtrace', 'dirname', 'str_starts_with'] as $function) {
            if (!function_exists($function)) {
                return [null, null];
            }
        }
        foreach (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS) as $frame) {
            if (isset($frame['file']) && !str_starts_with($frame['file'], dirname(__DIR__) . '/')) {
                return [$frame['file'], $frame['line']];
            }
        }
        return [null, null];
    }
}

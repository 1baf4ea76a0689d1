<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;

/** Reports an error to the caller. */
final class Report
{
    /** Throws, warns or does nothing. */
    public static function failure(string $method, #[\SensitiveParameter] PusherError $error, string $onFailure): void
    {
        if ($onFailure === 'exception') {
            self::throw($error);
        }
        if ($onFailure === 'warning') {
            self::warning($method, $error->getMessage());
        }
    }

    /** Warns, with the file and line of the caller. Runs user code: an error handler. */
    public static function warning(string $method, string $message): void
    {
        [$file, $line] = self::caller();
        $text = "$method(): $message" . ($file === null ? '' : ", called in $file on line $line");
        match (true) {
            function_exists('trigger_error') => trigger_error($text, E_USER_WARNING),
            function_exists('error_log') => error_log($text),
            default => null,
        };
    }

    /** @throws PusherException with the file and line of the caller */
    public static function throw(#[\SensitiveParameter] PusherError $error): never
    {
        throw self::placed(new PusherException($error->getMessage(), $error->getCode()));
    }

    /** The same exception, with the file and line of the caller. */
    public static function placed(\Throwable $exception): \Throwable
    {
        [$file, $line] = self::caller();
        if ($file !== null) {
            // Both properties are protected, and a scope must be a class in PHP code.
            $scope = $exception instanceof \Error ? ErrorScope::class : PusherError::class;
            \Closure::bind(function () use ($file, $line): void {
                [$this->file, $this->line] = [$file, $line];
            }, $exception, $scope)();
        }
        return $exception;
    }

    /** @return array{string, int}|array{null, null} the caller's file and line, if there is one */
    private static function caller(): array
    {
        foreach (['debug_backtrace', 'dirname', 'str_starts_with'] as $function) {
            if (!function_exists($function)) {
                return [null, null];
            }
        }
        foreach (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS) as $frame) {
            if (isset($frame['file']) && !str_starts_with($frame['file'], dirname(__DIR__) . DIRECTORY_SEPARATOR)) {
                return [$frame['file'], $frame['line']];
            }
        }
        return [null, null];
    }
}

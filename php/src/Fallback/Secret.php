<?php
declare(strict_types=1);

namespace PusherFallback;

/** Hides the token from var_dump() and similar functions. */
final class Secret
{
    /** Wraps the token. Before PHP 8.2 the class for it does not exist, and the token stays visible. */
    public static function hide(#[\SensitiveParameter] array $options): array
    {
        if (isset($options['token']) && PHP_VERSION_ID >= 80200) {
            $options['token'] = new \SensitiveParameterValue($options['token']);
        }
        return $options;
    }

    /** Unwraps a value. Returns any other value unchanged. */
    public static function reveal(#[\SensitiveParameter] mixed $value): mixed
    {
        return $value instanceof \SensitiveParameterValue ? $value->getValue() : $value;
    }
}

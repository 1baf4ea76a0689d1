<?php
declare(strict_types=1);

namespace PusherFallback;

/** Options that var_dump() and its like must not show. */
final class Secret
{
    /** The options with the token wrapped. (Before PHP 8.2 there is nothing to wrap it in.) */
    public static function hide(#[\SensitiveParameter] array $options): array
    {
        if (isset($options['token']) && PHP_VERSION_ID >= 80200) {
            $options['token'] = new \SensitiveParameterValue($options['token']);
        }
        return $options;
    }

    /** What was wrapped; any other value as it is. */
    public static function reveal(#[\SensitiveParameter] mixed $value): mixed
    {
        return $value instanceof \SensitiveParameterValue ? $value->getValue() : $value;
    }
}

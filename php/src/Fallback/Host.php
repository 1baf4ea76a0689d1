<?php
declare(strict_types=1);

namespace PusherFallback;

/** The functions that the host allows. Shared hosts forbid some (disable_functions), and a call then throws an Error. */
final class Host
{
    /**
     * Every function that publishing needs. The code checks all others with function_exists() before a call. A test
     * compares the list with the source.
     */
    public const NEEDED = [
        'array_combine', 'array_fill', 'array_filter', 'array_key_exists', 'array_key_first', 'array_keys', 'array_map',
        'array_pad', 'array_reduce', 'array_slice', 'array_values', 'ceil', 'count', 'end', 'fclose', 'feof', 'fread',
        'fwrite', 'gettype', 'hrtime', 'implode', 'in_array', 'intdiv', 'is_array', 'is_bool', 'is_float', 'is_int',
        'is_resource', 'is_string', 'json_decode', 'json_encode', 'json_last_error_msg', 'ltrim', 'max', 'min', 'ord',
        'preg_match', 'preg_replace_callback', 'sprintf', 'str_contains', 'str_replace', 'str_starts_with', 'strcspn',
        'stream_select', 'stream_set_blocking', 'stream_socket_client', 'strlen', 'strpbrk', 'strrpos', 'strtolower',
        'substr', 'substr_count', 'ucfirst', 'unpack', 'var_export',
    ];

    /** The first needed function that is missing, or null. */
    public static function missingFunction(): ?string
    {
        static $isComplete = false;
        if ($isComplete) {
            return null;
        }
        foreach (self::NEEDED as $function) {
            if (!function_exists($function)) {
                return $function;
            }
        }
        $isComplete = true;
        return null;
    }
}

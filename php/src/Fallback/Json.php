<?php
declare(strict_types=1);

namespace PusherFallback;

/** JSON as text: encodes PHP's values, and scans JSON without decoding it. */
final class Json
{
    /** The same values in fewer bytes. A browser's parser gives the same result. */
    public const FLAGS = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES;

    /**
     * Runs user code (jsonSerialize()). Its exceptions pass through unchanged.
     *
     * @param callable(string): PusherError $mistake makes the error, with the code JSON
     * @throws PusherError
     */
    public static function encode(mixed $data, callable $mistake): string
    {
        $json = json_encode($data, self::FLAGS, Limits::ENCODE_DEPTH_MAX);
        if ($json === false) {
            throw $mistake("the data can't be encoded as JSON: " . json_last_error_msg());
        }
        return $json;
    }

    public static function isDeeperThan(string $json, int $depthMax): bool
    {
        // Most events have fewer brackets than that.
        return substr_count($json, '[') + substr_count($json, '{') > $depthMax
            && self::endOfValue($json, $depthMax) === false;
    }

    /**
     * Finds the end of the list or object at the start of $json. Returns the offset after it, null if it is incomplete, or
     * false if it is nested deeper than $depthMax.
     */
    public static function endOfValue(string $json, int $depthMax): int|false|null
    {
        $depth = 0;
        $at = 0;
        $length = strlen($json);
        while (($at += strcspn($json, '"[]{}', $at)) < $length) {
            switch ($json[$at++]) {
                case '"':
                    $at = self::endOfString($json, $at);
                    break;
                case '[':
                case '{':
                    if (++$depth > $depthMax) {
                        return false;
                    }
                    break;
                default:
                    if (--$depth <= 0) {
                        return $at;
                    }
            }
        }
        return null;
    }

    /** The offset after the closing quote, or the end of the text. */
    private static function endOfString(string $json, int $at): int
    {
        $length = strlen($json);
        while (($at += strcspn($json, '"\\', $at)) < $length && $json[$at] === '\\') {
            $at += 2;
        }
        return min($at + 1, $length);
    }
}

<?php
declare(strict_types=1);

namespace PusherFallback;

/** JSON as text: made of PHP's values, and looked at without being taken apart. */
final class Json
{
    /** The same values in fewer bytes; a browser's parser sees no difference. */
    public const FLAGS = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES;

    /**
     * Runs user code (jsonSerialize()), whose exceptions pass through as they are.
     *
     * @throws Fault JSON
     */
    public static function encode(mixed $data): string
    {
        $json = json_encode($data, self::FLAGS, Limits::ENCODE_DEPTH_MAX);
        if ($json === false) {
            throw Fault::json("the data can't be encoded as JSON: " . json_last_error_msg());
        }
        return $json;
    }

    public static function isDeeperThan(string $json, int $depthMax): bool
    {
        // Most events have not even so many brackets.
        return substr_count($json, '[') + substr_count($json, '{') > $depthMax
            && self::endOfValue($json, $depthMax) === false;
    }

    /**
     * Where the list or object ends that $json begins with: the offset behind it, null if that has
     * not come yet, false if it is nested deeper than $depthMax.
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

    /** The offset behind the quote that ends it, or the end of what there is. */
    private static function endOfString(string $json, int $at): int
    {
        $length = strlen($json);
        while (($at += strcspn($json, '"\\', $at)) < $length && $json[$at] === '\\') {
            $at += 2;
        }
        return min($at + 1, $length);
    }
}

<?php
declare(strict_types=1);

namespace PusherFallback;

/** Values of somebody's, shown in a message. */
final class Text
{
    /** In quotes, with nothing in it that a terminal or a log would obey; what is no UTF-8 is replaced. */
    public static function quoted(string $text): string
    {
        if (!self::isUtf8($text)) {
            $text = json_decode(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE));
        }
        return '"' . self::escaped($text) . '"';
    }

    /** The same for what is no UTF-8: byte by byte. */
    public static function quotedBytes(string $bytes): string
    {
        $hex = static fn (array $match): string => sprintf('\x%02x', ord($match[0]));
        return '"' . preg_replace_callback('/[\x80-\xff]/', $hex, self::escaped($bytes)) . '"';
    }

    private static function escaped(string $text): string
    {
        return preg_replace_callback('/[\x00-\x1f\x7f"\'\\\\]/', static fn (array $match): string => match ($match[0]) {
            "\n" => '\n',
            "\r" => '\r',
            "\t" => '\t',
            "\0" => '\0',
            '"', "'", '\\' => '\\' . $match[0],
            default => sprintf('\u{%x}', ord($match[0])),
        }, $text);
    }

    public static function isUtf8(string $text): bool
    {
        return preg_match('//u', $text) === 1;
    }
}

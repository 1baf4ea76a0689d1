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
        return '"' . preg_replace_callback('/[\x00-\x1f\x7f-\xff"\'\\\\]/', static function (array $match): string {
            return self::sign($match[0]) ?? sprintf('\x%02x', ord($match[0]));
        }, $bytes) . '"';
    }

    /** What can't be seen can turn the direction of writing or end a line, too. */
    private static function escaped(string $text): string
    {
        return preg_replace_callback('/(?! )[\p{C}\p{Z}"\'\\\\]/u', static function (array $match): string {
            return $match[0] === "\0" ? '\0' : self::sign($match[0]) ?? sprintf('\u{%x}', self::codePoint($match[0]));
        }, $text);
    }

    /** As languages write it; null if they have no short form. */
    private static function sign(string $character): ?string
    {
        return match ($character) {
            "\n" => '\n',
            "\r" => '\r',
            "\t" => '\t',
            '"', "'", '\\' => '\\' . $character,
            default => null,
        };
    }

    /** Without mbstring, which not every PHP has. */
    private static function codePoint(string $character): int
    {
        $bytes = array_values(unpack('C*', $character));
        $first = [0x7f, 0x1f, 0x0f, 0x07][count($bytes) - 1];
        return array_reduce(array_slice($bytes, 1), static fn (int $code, int $byte): int => $code << 6 | $byte & 0x3f, $bytes[0] & $first);
    }

    public static function isUtf8(string $text): bool
    {
        return preg_match('//u', $text) === 1;
    }
}

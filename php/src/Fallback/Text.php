<?php
declare(strict_types=1);

namespace PusherFallback;

/** Quotes foreign values for messages. */
final class Text
{
    /** Quotes a text and escapes control characters, which terminals and logs interpret. Replaces invalid UTF-8. */
    public static function quoted(string $text): string
    {
        if (!self::isUtf8($text)) {
            $text = json_decode(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE));
        }
        return '"' . self::escaped($text) . '"';
    }

    /** Quotes bytes that are not UTF-8, byte by byte. */
    public static function quotedBytes(string $bytes): string
    {
        return '"' . preg_replace_callback('/[\x00-\x1f\x7f-\xff"\'\\\\]/', static function (array $match): string {
            return self::sign($match[0]) ?? sprintf('\x%02x', ord($match[0]));
        }, $bytes) . '"';
    }

    /** Escapes invisible characters: they can reverse the writing direction or end a line. */
    private static function escaped(string $text): string
    {
        return preg_replace_callback('/(?! )[\p{C}\p{Z}"\'\\\\]/u', static function (array $match): string {
            return $match[0] === "\0" ? '\0' : self::sign($match[0]) ?? sprintf('\u{%x}', self::codePoint($match[0]));
        }, $text);
    }

    /** The short escape of a character, or null if it has none. */
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

    /** Decodes one character without mbstring, which not every PHP has. */
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

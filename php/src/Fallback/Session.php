<?php
declare(strict_types=1);

namespace PusherFallback;

/** The name of a session, as its page knows it. */
final class Session
{
    private const ID_HALF_MAX = '18446744073709551615';
    private const NUMBER_MAX = '9007199254740992';

    /** The mistake in a text that is no name. The text is that of the extension. */
    public const MISTAKE = 'exclude: a session is 32 hexadecimal digits (pusher.js, WAMP v1), two decimal numbers with a dot between them '
        . '(Pusher Channels), or a number from 1 to ' . self::NUMBER_MAX . ' (WAMP v2)';

    public static function isName(string $text): bool
    {
        return preg_match('/\A[0-9a-fA-F]{32}\z/', $text) === 1
            || preg_match('/\A(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\z/', $text, $half) === 1
                && self::isUpTo(self::ID_HALF_MAX, $half[1]) && self::isUpTo(self::ID_HALF_MAX, $half[2])
            || preg_match('/\A[1-9][0-9]*\z/', $text) === 1 && self::isUpTo(self::NUMBER_MAX, $text);
    }

    /** Compares decimal digits, because the numbers may be too large for an int. */
    private static function isUpTo(string $max, string $digits): bool
    {
        $difference = strlen($digits) - strlen($max);
        // The letter makes PHP compare texts.
        return $difference < 0 || $difference === 0 && "x$digits" <= "x$max";
    }
}

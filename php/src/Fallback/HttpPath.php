<?php
declare(strict_types=1);

namespace PusherFallback;

/** Topics and users in paths. */
final class HttpPath
{
    /**
     * Percent-encodes a name. Web servers merge slashes and resolve dots, unless they are encoded. Apache refuses an encoded slash, so
     * that others stay as they are.
     */
    public static function encoded(string $name): string
    {
        $encoded = rawurlencode($name);
        return preg_match('~\A/|//|/\z|(?:\A|/)\.\.?(?:/|\z)~', $name) === 1 ? $encoded : str_replace('%2F', '/', $encoded);
    }
}

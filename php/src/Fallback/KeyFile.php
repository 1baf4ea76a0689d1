<?php
declare(strict_types=1);

namespace PusherFallback;

/** The file with the keys of tickets, one or two lines `ID KEY`. The first key signs. It is read again after a change. */
final class KeyFile
{
    /** Functions that a host may forbid without a consequence for publishing. */
    public const NEEDED = ['clearstatcache', 'explode', 'file_exists', 'fopen', 'fstat', 'is_readable', 'stat', 'stream_get_contents', 'trim'];

    /** The form of a line: an id, blanks and a key. */
    private const LINE = '/\A([A-Za-z0-9_-]{1,32})[ \t]+([\x21-\x7e]{32,256})\z/';

    /** @var array{string, array<int>, array{string, string}}|null path, version and first key of the file that was read last */
    private static ?array $kept = null;

    /**
     * @return array{string, string} the id of the first key, and the key
     * @throws PusherError CONFIG
     */
    public static function first(string $path): array
    {
        clearstatcache(true, $path);
        $stat = SystemError::of(static fn () => stat($path)) ?: [];
        if (self::$kept === null || self::$kept[0] !== $path || self::$kept[1] !== self::version($stat)) {
            self::$kept = null;
            self::$kept = self::read($path);
        }
        return self::$kept[2];
    }

    /** Identity of a file and time of its last change: it differs for a replacement. Null if there is no file. */
    private static function version(array $stat): ?array
    {
        return $stat === [] ? null : [$stat['dev'], $stat['ino'], $stat['size'], $stat['mtime'], $stat['ctime']];
    }

    private static function read(string $path): array
    {
        // "n": without O_NONBLOCK, opening a named pipe would wait for its writer.
        $file = SystemError::of(static fn () => fopen($path, 'rn'), $notice);
        if ($file === false) {
            throw self::wrong($path, self::advice($path, (string) $notice));
        }
        $stat = fstat($file);
        $isFile = ($stat['mode'] & 0170000) === 0100000;
        $text = $isFile ? SystemError::of(static fn () => stream_get_contents($file, Limits::KEY_FILE_LEN_MAX + 1)) : '';
        fclose($file);
        return [$path, self::version($stat), match (true) {
            !$isFile => throw self::wrong($path, 'it is not a file'),
            !is_string($text) => throw self::wrong($path, 'it cannot be read'),
            !Text::isUtf8($text) => throw self::wrong($path, 'it is not text in UTF-8'),
            strlen($text) > Limits::KEY_FILE_LEN_MAX => throw self::wrong($path, 'it is longer than ' . Limits::KEY_FILE_LEN_MAX . ' bytes'),
            default => self::parse($path, $text),
        }];
    }

    /** @return array{string, string} */
    private static function parse(string $path, #[\SensitiveParameter] string $text): array
    {
        $keys = [];
        foreach (explode("\n", $text) as $index => $line) {
            $line = trim($line);
            if ($line === '' || $line[0] === '#') {
                continue;
            }
            $number = $index + 1;
            if (preg_match(self::LINE, $line, $match) !== 1) {
                throw self::wrong($path, "line $number is not `ID KEY`: an id of 1 to 32 letters, digits, _ and -, a blank, and a key of "
                    . '32 to 256 visible ASCII characters');
            }
            if (isset($keys["id $match[1]"])) {
                throw self::wrong($path, "line $number has the id of an earlier key");
            }
            $keys["id $match[1]"] = [$match[1], $match[2]];
        }
        return match (count($keys)) {
            0 => throw self::wrong($path, 'the file has no key: create one with `pusherd ticket rotate`'),
            1, 2 => array_values($keys)[0],
            default => throw self::wrong($path, 'the file has more than 2 keys'),
        };
    }

    private static function advice(string $path, string $notice): string
    {
        return match (true) {
            // PHP's own limit: file_exists() would also fail.
            str_contains($notice, 'Operation not permitted') => 'PHP may not read it (see open_basedir in php.ini)',
            str_contains($notice, 'Permission denied') => "this user may not read it: its group must be one of this user's",
            !SystemError::of(static fn () => file_exists($path)) => "it does not exist: `pusherd ticket rotate $path` creates it, and pushd reads it as ticket-key-file",
            !SystemError::of(static fn () => is_readable($path)) => "this user may not read it: its group must be one of this user's",
            default => 'it cannot be opened',
        };
    }

    private static function wrong(string $path, string $reason): PusherError
    {
        return PusherError::config('pusher.ticket_key_file', "$path: $reason");
    }
}

<?php
declare(strict_types=1);

namespace PusherFallback;

/**
 * A file that takes the events that pushd cannot accept now. The daemon publishes them later.
 *
 * crates/pusher-proto/src/spool.md specifies the file and the steps of a writer.
 */
final class Spool
{
    /** Other publishers and the daemon are members of the file's group. */
    private const MODE = 0660;

    /** How often the file is opened at least, if pushd renames it each time. */
    private const OPENS_MIN = 10;

    private const LOCK_WAIT_US = 20_000;
    private const LOCK_PAUSE_US = 1000;

    /** Functions that a host may forbid without a consequence for publishing. */
    private const NEEDED = [
        'bin2hex', 'chmod', 'clearstatcache', 'crc32', 'flock', 'fopen', 'fseek', 'fstat', 'is_dir', 'microtime', 'random_bytes', 'stat',
        'stream_get_contents',
    ];

    /** Events that this request has written. */
    private static int $count = 0;

    private readonly string $path;

    public function __construct(private readonly string $dir, private readonly int $ttlS, #[\SensitiveParameter] private readonly string $token)
    {
        $this->path = "$dir/spool";
    }

    public static function count(): int
    {
        return self::$count;
    }

    /** Whether the spool has records that pushd has not published. Earlier requests of this process may have written them. */
    public function hasRecords(): bool
    {
        // In this order: pushd renames the file, and then publishes its records.
        return function_exists('stat') && function_exists('clearstatcache') && (($this->stat()['size'] ?? 0) > 0 || $this->isDraining());
    }

    private function isDraining(): bool
    {
        if (!function_exists('scandir')) {
            // Only pushd knows.
            return true;
        }
        foreach (SystemError::of(fn () => scandir($this->dir)) ?: [] as $name) {
            if (str_starts_with($name, 'draining-')) {
                return true;
            }
        }
        return false;
    }

    /** Returns the event with an id: its own or a random one, as every event needs that may be spooled. */
    public static function withId(Event $event): Event
    {
        return self::missingFunction() === null ? $event->orId(bin2hex(random_bytes(16))) : $event;
    }

    /**
     * Writes an event with an id. Returns null, or why it could not be written.
     *
     * @param int $leftUs the time until the deadline of the publish
     */
    public function append(Event $event, int $leftUs): ?string
    {
        $missing = self::missingFunction();
        if ($missing !== null) {
            return "PHP's $missing() is missing here (see disable_functions in php.ini), and the spool needs it";
        }
        $object = $event->record((int) (microtime(true) * 1000), $this->ttlS, $this->token);
        $record = sprintf("\n%08x %s\n", crc32($object), $object);
        $untilNs = hrtime(true) + max(0, min($leftUs, self::LOCK_WAIT_US)) * 1000;
        for ($opens = 0; $opens < self::OPENS_MIN || hrtime(true) < $untilNs; $opens++) {
            // "n": without O_NONBLOCK, writing to a named pipe could wait for its reader.
            $file = SystemError::of(fn () => fopen($this->path, 'a+n'), $notice);
            if ($file === false) {
                return $this->notOpened((string) $notice);
            }
            if (!self::isFile(fstat($file))) {
                fclose($file);
                return $this->noFile();
            }
            try {
                if ($this->lock($file, $untilNs, $failure)) {
                    return $failure ?? $this->write($file, $record);
                }
            } finally {
                fclose($file);
            }
        }
        return $this->locked();
    }

    /**
     * Locks the file against pushd. Returns false if pushd has renamed the file, and may already read it.
     *
     * @param resource $file
     * @param string|null $failure why it is not locked
     */
    private function lock($file, int $untilNs, ?string &$failure): bool
    {
        $failure = null;
        while (true) {
            // On Windows a shared lock would forbid writing, so publishers take turns.
            $kind = PHP_OS_FAMILY === 'Windows' ? LOCK_EX : LOCK_SH;
            $isLocked = flock($file, $kind | LOCK_NB, $isOccupied);
            if (!$this->isAtPath($file)) {
                return false;
            }
            if ($isLocked) {
                return true;
            }
            if ($isOccupied !== 1) {
                $failure = "can't lock the spool $this->path: is it on a file system without locks?";
                return true;
            }
            if (hrtime(true) >= $untilNs) {
                $failure = $this->locked();
                return true;
            }
            function_exists('usleep') && usleep(self::LOCK_PAUSE_US);
        }
    }

    /** @param array<string, int> $stat */
    private static function isFile(array $stat): bool
    {
        return ($stat['mode'] & 0170000) === 0100000;
    }

    private function noFile(): string
    {
        return "the spool $this->path is not a regular file";
    }

    private function locked(): string
    {
        return "another program has locked the spool $this->path";
    }

    /** @param resource $file */
    private function isAtPath($file): bool
    {
        $opened = fstat($file);
        $named = $this->stat();
        return $named !== null && $opened['dev'] === $named['dev'] && $opened['ino'] === $named['ino'];
    }

    /** @return array<string, int>|null */
    private function stat(): ?array
    {
        clearstatcache(true, $this->path);
        return SystemError::of(fn () => stat($this->path)) ?: null;
    }

    /** @param resource $file */
    private function write($file, #[\SensitiveParameter] string $record): ?string
    {
        ['size' => $size, 'mode' => $mode] = fstat($file);
        if (($mode & self::MODE) !== self::MODE) {
            // The umask was applied when it was created here. For the file of another user this fails.
            SystemError::of(fn () => chmod($this->path, self::MODE));
        }
        if ($size + strlen($record) > Limits::SPOOL_LEN_MAX) {
            return "the spool $this->path is full: it has $size of " . Limits::SPOOL_LEN_MAX
                . ' bytes. Is pushd running, with this directory as its spool?';
        }
        $written = SystemError::of(static fn () => fwrite($file, $record), $notice);
        if ($written === false) {
            return "can't write to the spool $this->path: " . SystemError::text($notice);
        }
        if (!$this->isWhole($file, $size, $record)) {
            return "only a part was written to the spool $this->path: is the disk full?";
        }
        self::$count++;
        return null;
    }

    /**
     * Whether the file has the whole record. After a short write, PHP writes the rest, perhaps behind the record of another
     * publisher.
     *
     * @param resource $file
     * @param int $size its size before
     */
    private function isWhole($file, int $size, #[\SensitiveParameter] string $record): bool
    {
        $added = fstat($file)['size'] - $size;
        if ($added === strlen($record)) {
            return true;
        }
        // PHP counts its position from 0 although it appends, and does not seek if that count happens to be $size: if the
        // file had one record of this length. The seek to the end corrects the count.
        fseek($file, 0, SEEK_END);
        // Without its last line feed, the record is complete.
        return str_contains(stream_get_contents($file, $added, $size), substr($record, 0, -1));
    }

    private function notOpened(string $notice): string
    {
        return match (true) {
            // PHP's own limit: is_dir() would also fail.
            str_contains($notice, 'Operation not permitted') => "PHP may not write to the spool $this->path (see open_basedir in php.ini)",
            !SystemError::of(fn () => is_dir($this->dir)) => "the spool directory $this->dir does not exist"
                . (str_starts_with($this->dir, '/tmp/') || str_starts_with($this->dir, '/var/tmp/') ? ': does the service have a /tmp of its own (PrivateTmp)?' : ''),
            // A socket, or a directory.
            !self::isFile($this->stat() ?? ['mode' => 0100000]) => $this->noFile(),
            str_contains($notice, 'Permission denied') => "this user may not write to $this->path",
            default => "can't write to the spool $this->path: " . preg_replace_callback('/.*: /', static fn () => '', $notice),
        };
    }

    private static function missingFunction(): ?string
    {
        foreach (self::NEEDED as $function) {
            if (!function_exists($function)) {
                return $function;
            }
        }
        return null;
    }
}

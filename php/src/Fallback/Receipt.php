<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** Makes receipts: from pushd's answer to an accepted publish, from libpusher's, and for the spool. */
final class Receipt
{
    private const TYPE = 4;

    /** The values of `stored`, at the places of libpusher's numbers. A later version may have others, which promise nothing. */
    private const STORED = ['no', 'memory', 'written', 'synced'];

    /**
     * Null if the message is no receipt.
     *
     * @param array<mixed> $message
     */
    public static function of(array $message): ?PusherReceipt
    {
        $sequence = self::int($message[2] ?? null);
        $subscribers = self::int($message[3] ?? null);
        $options = $message[4] ?? [];
        if ($message[0] !== self::TYPE || $sequence === null || $subscribers === null || !is_array($options)) {
            return null;
        }
        $position = $options['position'] ?? null;
        $stored = $options['stored'] ?? null;
        $nodes = self::int($options['nodes'] ?? null);
        return self::make(
            $subscribers,
            $sequence,
            PositionRequest::isPosition($position) ? $position : null,
            in_array($stored, self::STORED, true) ? $stored : 'no',
            // The server itself counts, so 0 is no number of servers.
            $nodes === 0 ? null : $nodes,
            false,
        );
    }

    /**
     * The receipt in an answer by HTTP: the same values, all of them with a name.
     *
     * @param array<mixed> $answer
     */
    public static function ofHttp(array $answer): ?PusherReceipt
    {
        return self::of([self::TYPE, null, $answer['sequence'] ?? null, $answer['subscribers'] ?? null, $answer]);
    }

    /** The receipt in a push_receipt of libpusher. */
    public static function ofLibrary(\FFI\CData $receipt): PusherReceipt
    {
        // FFI returns a number beyond PHP's int as a negative one.
        $int = static fn (int $number): int => $number < 0 ? PHP_INT_MAX : $number;
        $position = \FFI::string($receipt->position);
        return self::make(
            $int($receipt->subscribers),
            $int($receipt->sequence),
            $position === '' ? null : $position,
            self::STORED[$receipt->stored] ?? 'no',
            $receipt->nodes === 0 ? null : $int($receipt->nodes),
            false,
        );
    }

    /** The receipt of an event that was written to the spool. */
    public static function ofSpool(): PusherReceipt
    {
        return self::make(0, 0, null, 'no', null, true);
    }

    private static function make(
        int $subscribers,
        int $sequence,
        ?string $position,
        string $stored,
        ?int $nodes,
        bool $spooled,
    ): PusherReceipt {
        static $make = null;
        $make ??= \Closure::bind(static function (array $values): PusherReceipt {
            $receipt = new PusherReceipt();
            foreach ($values as $name => $value) {
                $receipt->$name = $value;
            }
            return $receipt;
        }, null, PusherReceipt::class);
        return $make([
            'subscribers' => $subscribers,
            'sequence' => $sequence,
            'position' => $position,
            'stored' => $stored,
            'nodes' => $nodes,
            'spooled' => $spooled,
        ]);
    }

    /** Null for a value that is not a number. */
    public static function int(mixed $number): ?int
    {
        return match (true) {
            is_int($number) && $number >= 0 => $number,
            // json_decode() returns a float for a number beyond PHP's int.
            is_float($number) && $number >= 2 ** 63 && $number <= 2 ** 64 => PHP_INT_MAX,
            default => null,
        };
    }
}

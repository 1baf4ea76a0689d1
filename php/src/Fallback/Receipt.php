<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** Reads pushd's answer to an accepted publish. */
final class Receipt
{
    private const TYPE = 4;

    /** The values of `stored`. A later version may have others, which promise nothing. */
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
        static $make = null;
        $make ??= \Closure::bind(static function (int $subscribers, int $sequence, ?string $position, string $stored, ?int $nodes): PusherReceipt {
            $receipt = new PusherReceipt();
            $receipt->subscribers = $subscribers;
            $receipt->sequence = $sequence;
            $receipt->position = $position;
            $receipt->stored = $stored;
            $receipt->nodes = $nodes;
            return $receipt;
        }, null, PusherReceipt::class);
        return $make(
            $subscribers,
            $sequence,
            PositionRequest::isPosition($position) ? $position : null,
            in_array($stored, self::STORED, true) ? $stored : 'no',
            // The server itself counts, so 0 is no number of servers.
            $nodes === 0 ? null : $nodes,
        );
    }

    /** Null for a value that is not a number. */
    private static function int(mixed $number): ?int
    {
        return match (true) {
            is_int($number) && $number >= 0 => $number,
            // json_decode() returns a float for a number beyond PHP's int.
            is_float($number) && $number >= 2 ** 63 && $number <= 2 ** 64 => PHP_INT_MAX,
            default => null,
        };
    }
}

<?php
declare(strict_types=1);

/** The answer to an accepted publish. Documented in php/stubs/pusher.stub.php. */
final class PusherReceipt
{
    public readonly int $subscribers;
    public readonly int $sequence;
    public readonly ?string $position;
    public readonly string $stored;
    public readonly ?int $nodes;
    public readonly bool $spooled;

    private function __construct()
    {
    }

    /** Refuses dynamic properties, as the extension does. */
    public function __set(string $name, mixed $value): void
    {
        throw new Error('Cannot create dynamic property ' . self::class . "::\$$name");
    }
}

<?php
declare(strict_types=1);

/** What pushd says to a publish. Described in php/stubs/pusher.stub.php. */
final class PusherReceipt
{
    public readonly int $subscribers;
    public readonly int $sequence;

    private function __construct()
    {
    }

    /** Without it PHP would let anybody add properties, to which the extension says no. */
    public function __set(string $name, mixed $value): void
    {
        throw new Error('Cannot create dynamic property ' . self::class . "::\$$name");
    }
}

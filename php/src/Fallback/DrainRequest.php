<?php
declare(strict_types=1);

namespace PusherFallback;

/** Asks pushd to publish the events of its spool first. */
final class DrainRequest implements Request
{
    /** The type of the answer. */
    private const DRAINED = 9;

    public function message(int $number): string
    {
        return "[8,$number]\n";
    }

    public function answer(array $message): ?string
    {
        return $message[0] === self::DRAINED ? 'drained' : null;
    }
}

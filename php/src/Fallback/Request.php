<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** What a message asks pushd for. */
interface Request
{
    /** The message, with its line end. */
    public function message(int $number): string;

    /**
     * Reads pushd's answer, which is not an error. Null if it is no valid answer to this request.
     *
     * @param array<mixed> $message
     */
    public function answer(array $message): PusherReceipt|string|int|array|null;
}

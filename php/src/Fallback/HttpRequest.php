<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** A request as HTTP: see crates/pushd/HTTP.md. */
interface HttpRequest extends Request
{
    /** @return array{string, string} the method, and the path behind that of the address */
    public function target(): array;

    /**
     * @return array<string, string> the headers that only this request has
     * @throws PusherError A value cannot be one of a header.
     */
    public function headers(): array;

    /** JSON, or empty. */
    public function body(): string;

    /**
     * Reads pushd's answer, which is not an error. Null if it is no valid answer to this request.
     *
     * @param array<mixed> $answer
     */
    public function httpAnswer(array $answer): PusherReceipt|string|int|array|null;
}

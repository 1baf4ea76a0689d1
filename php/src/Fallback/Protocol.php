<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** A way to send requests to pushd. It keeps its connection. */
interface Protocol
{
    /**
     * Sends the requests, in their order.
     *
     * @param non-empty-list<Request> $requests
     * @return list<PusherReceipt|string|int|array|PusherError> one for each request
     */
    public function ask(array $requests, Attempt $attempt): array;
}

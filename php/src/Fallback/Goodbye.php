<?php
declare(strict_types=1);

namespace PusherFallback;

/** pushd closes the connection, and has read nothing after its last answer. */
final class Goodbye extends \Exception
{
    public function __construct(public readonly PusherError $error)
    {
        parent::__construct($error->getMessage());
    }
}

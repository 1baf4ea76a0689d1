<?php
declare(strict_types=1);

namespace PusherFallback;

/** pushd closes the connection, and has read nothing behind what it has answered. */
final class Goodbye extends \Exception
{
    public function __construct(public readonly Fault $fault)
    {
        parent::__construct($fault->getMessage());
    }
}

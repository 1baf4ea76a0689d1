<?php
declare(strict_types=1);

/** A publish failed, or can't succeed. Documented in php/stubs/pusher.stub.php. */
class PusherException extends RuntimeException
{
    public const ID = -1;
    public const TOPIC = -2;
    public const JSON = -3;
    public const TOO_BIG = -4;
    public const CONFIG = -5;
    public const CONNECT = -6;
    public const TIMEOUT = -7;
    public const CLOSED = -8;
    public const PROTOCOL = -9;
    public const REFUSED = -10;
    public const BUSY = -11;
    public const UNAVAILABLE = -16;
}

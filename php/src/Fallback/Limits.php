<?php
declare(strict_types=1);

namespace PusherFallback;

/** Every limit of the fallback; those of what goes over the wire are pushd's. Lengths in bytes. */
final class Limits
{
    public const TOPIC_LEN_MAX = 1024;
    public const ID_LEN_MAX = 255;
    public const TOKEN_LEN_MAX = 1024;

    /** An event, as JSON. */
    public const EVENT_LEN_MAX = 3 * 1024 * 1024;

    /** How deep an event may be nested: one level less than a message, which is a list around it. */
    public const EVENT_DEPTH_MAX = 125;

    /** json_encode's own default: what is deeper is not looked at any further. */
    public const ENCODE_DEPTH_MAX = 512;

    /** An answer of pushd's: a WELCOME, or an ERROR with its text, with much room. */
    public const ANSWER_LEN_MAX = 16 * 1024;

    /** Events of one sendMany(), and of what waits for the end of the request. */
    public const MANY_MAX = 1000;

    /** The same as they are written, all together. */
    public const MANY_LEN_MAX = 4 * 1024 * 1024;

    /** Addresses with a connection; who wants more gives up the one that was not used for longest. */
    public const PUBLISHERS_MAX = 8;

    public const TIMEOUT_MS_MAX = 600_000;
    public const RETRY_MS_MAX = 3_600_000;

    /** As the kernel has it (108 with the NUL behind it). */
    public const UNIX_PATH_LEN_MAX = 107;
}

<?php
declare(strict_types=1);

namespace PusherFallback;

/** All limits of the fallback. Limits of messages are those of pushd. Lengths are in bytes. */
final class Limits
{
    public const TOPIC_LEN_MAX = 1024;
    public const ID_LEN_MAX = 255;
    public const TOKEN_LEN_MAX = 1024;

    /** An event, as JSON. */
    public const EVENT_LEN_MAX = 3 * 1024 * 1024;

    /** Deepest nesting of an event: one level less than a message, which is a list around it. */
    public const EVENT_DEPTH_MAX = 125;

    /** The default of json_encode(): it fails on deeper data. */
    public const ENCODE_DEPTH_MAX = 512;

    /** The largest sequence number in a position: JavaScript holds integers up to this value exactly. */
    public const SEQUENCE_MAX = 2 ** 53 - 1;

    /** An answer of pushd's. 100 members of a topic take up to 360,000 bytes, and all other answers are far shorter. */
    public const ANSWER_LEN_MAX = 512 * 1024;

    /** Most events of one sendMany(), and most deferred events. */
    public const MANY_MAX = 1000;

    /** Length of their messages together. */
    public const MANY_LEN_MAX = 4 * 1024 * 1024;

    /** Most addresses with a connection. One more replaces the least recently used one. */
    public const PUBLISHERS_MAX = 8;

    /** The largest file of a spool. */
    public const SPOOL_LEN_MAX = 16 * 1024 * 1024;

    /** The longest time to live of an event in the spool: one day. */
    public const SPOOL_TTL_S_MAX = 86_400;

    public const TICKET_LEN_MAX = 4096;
    public const TICKET_TOPICS_MAX = 100;

    /** The info of a ticket, as JSON. */
    public const TICKET_INFO_LEN_MAX = 2048;

    /** The longest time to live of a ticket: one day. */
    public const TICKET_TTL_S_MAX = 86_400;

    public const SUB_LEN_MAX = 255;

    /** A key file of tickets. Two keys take about 600, and there may be comments. */
    public const KEY_FILE_LEN_MAX = 64 * 1024;

    public const TIMEOUT_MS_MAX = 600_000;
    public const RETRY_MS_MAX = 3_600_000;

    /** Longest path of a unix socket: Linux' sun_path has 108 bytes, and one of them is the final NUL. */
    public const UNIX_PATH_LEN_MAX = 107;
}

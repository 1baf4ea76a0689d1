<?php
declare(strict_types=1);

namespace PusherFallback;

/** What pushd is asked for. */
enum Operation
{
    /** To publish events. */
    case Publish;

    /** The present position of its log. It changes nothing, so it may be sent twice. */
    case Position;

    /** To publish the events of its spool first. It may be sent twice. */
    case Drain;
}

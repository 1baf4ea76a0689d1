<?php
declare(strict_types=1);

namespace PusherFallback;

/** The kinds of request to pushd. Except for a publish, a second request changes nothing, so it may be sent again. */
enum Operation
{
    /** Publishes events. */
    case Publish;

    /** Asks for the current position of the log. */
    case Position;

    /** Asks pushd to publish the events in its spool, before the publisher sends later ones. */
    case Drain;

    /** Ends the tickets of a user. */
    case Revoke;

    /** Asks for the members of a topic. */
    case Presence;

    /** The path of its HTTP request, as messages show it. */
    public function path(): string
    {
        return match ($this) {
            self::Publish => '/publish/',
            self::Position => '/position',
            self::Revoke => '/revoke/',
            self::Presence => '/presence/',
            self::Drain => '',
        };
    }
}

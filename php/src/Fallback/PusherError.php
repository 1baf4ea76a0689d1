<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;

/**
 * Why a publish has no receipt, or why there is no position. The code is one of the constants of PusherException. The messages are the same as
 * those of the extension.
 */
final class PusherError extends \Exception
{
    /** pushd's error codes: the code for the caller, and whether pushd closes the connection afterwards. */
    private const REFUSALS = [
        'bad_message' => [PusherException::REFUSED, true],
        'too_large' => [PusherException::TOO_BIG, true],
        'version' => [PusherException::REFUSED, true],
        'denied' => [PusherException::REFUSED, true],
        'unknown_type' => [PusherException::REFUSED, false],
        'bad_topic' => [PusherException::TOPIC, false],
        'bad_id' => [PusherException::ID, false],
        'event_too_large' => [PusherException::TOO_BIG, false],
        'overloaded' => [PusherException::BUSY, false],
        'log_unavailable' => [PusherException::UNAVAILABLE, false],
        'shutting_down' => [PusherException::BUSY, true],
    ];

    /** Codes of errors without a request: pushd closes, and has read nothing after its last answer. */
    public const GOODBYES = ['overloaded', 'shutting_down'];

    private function __construct(
        int $code,
        string $message,
        private readonly ?string $refusal = null,
        public readonly bool $endsConnection = true,
        private readonly bool $wasTried = true,
    ) {
        parent::__construct($message, $code);
    }

    /** Whether the caller made a mistake: change the call or the settings. */
    public function isCallersMistake(): bool
    {
        return in_array($this->code, [
            PusherException::ID,
            PusherException::TOPIC,
            PusherException::JSON,
            PusherException::TOO_BIG,
            PusherException::CONFIG,
        ], true);
    }

    /** Whether the error is an answer of pushd's. */
    public function isRefusal(): bool
    {
        return $this->refusal !== null;
    }

    /** Whether pushd is older than the request. */
    public function isUnknownType(): bool
    {
        return $this->refusal === 'unknown_type';
    }

    /** Whether the same publish may succeed later: the event can wait in the spool. */
    public function isTemporary(): bool
    {
        return !$this->wasTried || in_array($this->code, [
            PusherException::CONNECT,
            PusherException::TIMEOUT,
            PusherException::CLOSED,
            PusherException::BUSY,
            PusherException::UNAVAILABLE,
        ], true);
    }

    public static function id(string $reason): self
    {
        return new self(PusherException::ID, "the event was not published: $reason");
    }

    public static function topic(string $reason): self
    {
        return new self(PusherException::TOPIC, "the event was not published: $reason");
    }

    public static function json(string $reason): self
    {
        return new self(PusherException::JSON, "the event was not published: $reason");
    }

    public static function tooBig(string $reason): self
    {
        return new self(PusherException::TOO_BIG, "the event was not published: $reason");
    }

    public static function config(string $setting, string $reason): self
    {
        return new self(PusherException::CONFIG, "$setting: $reason");
    }

    /** A function that the host forbids. Calls no function itself, because the host may forbid it too. */
    public static function missing(string $function): self
    {
        return new self(
            PusherException::CONFIG,
            "PHP's $function() is missing here (see disable_functions in php.ini), and Pusher needs it",
        );
    }

    public static function connect(Attempt $attempt, int $errno, string $reason): self
    {
        $reason .= $errno > 0 ? " (os error $errno)" : '';
        $advice = match ($errno) {
            SystemError::ENOENT, SystemError::ECONNREFUSED => 'is pushd running, and is this where it listens for publishers?',
            SystemError::EACCES, SystemError::EPERM => 'may this user write to the socket?',
            default => 'is the address right, and can this machine reach it?',
        };
        return new self(PusherException::CONNECT, "can't connect to $attempt ($reason): $advice");
    }

    /**
     * @param string $stage the step that took too long
     * @param bool $isSent whether pushd may have read the whole message
     */
    public static function timeout(Attempt $attempt, string $stage, bool $isSent): self
    {
        $stage .= match (true) {
            $attempt->operation === Operation::Position => '',
            $isSent && $attempt->isPublish => ' (the event may or may not have been published)',
            default => ' (the event was not published)',
        };
        return new self(PusherException::TIMEOUT, "timeout at $attempt while $stage: is pushd stopped or overloaded?");
    }

    public static function closed(Attempt $attempt, string $reason): self
    {
        $event = match ($attempt->operation) {
            Operation::Publish => 'the event may or may not have been published; ',
            Operation::Drain => 'the event was not published; ',
            Operation::Position => '',
        };
        return new self(
            PusherException::CLOSED,
            "the connection to $attempt was lost before the answer ($reason): {$event}was pushd restarted? Its log says more",
        );
    }

    public static function protocol(Attempt $attempt, string $reason): self
    {
        return new self(PusherException::PROTOCOL, "no answer of pushd's from $attempt ($reason): is it pushd that listens there?");
    }

    /** An ERROR of pushd's. */
    public static function refused(Attempt $attempt, string $name, string $text): self
    {
        [$code, $endsConnection] = self::REFUSALS[$name] ?? [PusherException::REFUSED, false];
        $name = isset(self::REFUSALS[$name]) ? $name : 'refused';
        $text = str_replace("\0", '\0', $text);
        if (!$attempt->isPublish) {
            return self::refusedRequest($attempt, $code, $endsConnection, $name, $text);
        }
        $message = match ($code) {
            PusherException::ID, PusherException::TOPIC, PusherException::TOO_BIG => "the event was not published: $text",
            PusherException::BUSY => "$attempt can't take the event now ($text): try again later",
            PusherException::UNAVAILABLE => "$attempt can't reach its log ($text): the event may or may not have been published; "
                . 'try again later, with the same id',
            default => "$attempt refused to publish the event ($name: $text)",
        };
        return new self($code, $message, $name, $endsConnection);
    }

    /** A refusal of a request that publishes nothing. */
    private static function refusedRequest(Attempt $attempt, int $code, bool $endsConnection, string $name, string $text): self
    {
        $isDrain = $attempt->operation === Operation::Drain;
        $cannot = $isDrain ? "can't publish its spool, which comes before the event," : "can't answer";
        $refuses = $isDrain ? 'refused to publish its spool, which comes before the event' : 'gives no position';
        $advice = !$isDrain && $name === 'unknown_type' ? ': this pushd is too old, update it' : '';
        [$code, $message] = match ($code) {
            PusherException::BUSY => [$code, "$attempt $cannot now ($text): try again later"],
            PusherException::UNAVAILABLE => [$code, "$attempt can't reach its log ($text): try again later"],
            default => [PusherException::REFUSED, "$attempt $refuses ($name: $text)$advice"],
        };
        return new self($code, $message, $name, $endsConnection);
    }

    /** The error of a publish that is not tried. */
    public static function notTried(int $leftMs, int $code, string $last): self
    {
        $message = "not tried, the next attempt is in $leftMs ms (pusher.retry_ms), since the last failed: $last";
        return new self($code, $message, wasTried: false);
    }

    /** More events than sendMany() accepts. */
    public static function tooMany(): self
    {
        return new self(PusherException::TOO_BIG, sprintf('a batch takes at most %d events, and %d bytes of all together', Limits::MANY_MAX, Limits::MANY_LEN_MAX));
    }

    /** The same error, with the reason why the event is not in the spool either. */
    public function notSpooled(string $why): self
    {
        return new self($this->code, "$this->message; and $why");
    }

    /** The same error, with the subject in front of its message. */
    public function about(string $what): self
    {
        return new self($this->code, "$what: $this->message");
    }

    /** The same error, with the number of events that have no receipt in front of its message. */
    public function among(int $missing, int $all, string $events): self
    {
        return new self($this->code, "$missing of $all $events have no receipt: $this->message");
    }
}

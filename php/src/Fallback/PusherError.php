<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;

/**
 * Why a publish has no receipt, or why another request has no answer. The code is one of the constants of PusherException. The messages are the same as
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
        'bad_exclude' => [PusherException::ID, false],
        'bad_sub' => [PusherException::ID, false],
        'presence_off' => [PusherException::REFUSED, false],
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

    /** @return list<self> this error for each request */
    public static function ofAll(array $requests, self $error): array
    {
        return array_fill(0, count($requests), $error);
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

    /** A mistake in a request for a ticket, a revocation or presence. */
    public static function argument(int $code, string $reason): self
    {
        return new self($code, $reason);
    }

    /** A mistake in a request for a ticket. */
    public static function ticket(int $code, string $reason): self
    {
        return new self($code, "no ticket was signed: $reason");
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
        $advice = match (true) {
            $attempt->address->isHttp() => 'is the address right, and can this machine reach the web server there?',
            default => self::adviceOfConnect($errno),
        };
        return new self(PusherException::CONNECT, "can't connect to $attempt ($reason): $advice");
    }

    private static function adviceOfConnect(int $errno): string
    {
        return match ($errno) {
            SystemError::ENOENT, SystemError::ECONNREFUSED => 'is pushd running, and is this where it listens for publishers?',
            SystemError::EACCES, SystemError::EPERM => 'may this user write to the socket?',
            default => 'is the address right, and can this machine reach it?',
        };
    }

    /** TLS did not begin, so pushd has read nothing. */
    public static function tls(Attempt $attempt, string $notice): self
    {
        // "stream_socket_enable_crypto(): SSL operation failed with code 1. OpenSSL Error messages:\nerror:0A000086:SSL routines::..."
        $reason = preg_match('/error:[0-9A-F]+:[^\n]*:([^:\n]+)/', $notice, $match) === 1
            ? $match[1]
            : preg_replace_callback('/\A\w+\(\): |\s+\z/', static fn () => '', $notice);
        // A certificate may contain anything.
        $reason = preg_replace_callback('/[^\x20-\x7e]+/', static fn () => ' ', $reason);
        $reason = $reason === '' ? 'the web server closed the connection, or PHP gives no reason' : $reason;
        $advice = match (true) {
            str_contains($reason, 'certificate verify failed') => 'PHP does not trust the certificate. Is it expired, self-signed or without its intermediate '
                . 'certificates? openssl.cafile in php.ini names the file of the authorities that PHP trusts',
            str_contains($reason, 'did not match') => 'the certificate is one for another host: is the address right?',
            str_contains($reason, 'wrong version number') => 'does the web server speak TLS at this port?',
            default => 'does the web server speak TLS 1.2 or 1.3 at this port, with a certificate that PHP can check (openssl.cafile in php.ini)?',
        };
        return new self(PusherException::CONNECT, "no TLS connection to $attempt ($reason): $advice");
    }

    /**
     * @param string $stage the step that took too long
     * @param bool $isSent whether pushd may have read the whole message
     */
    public static function timeout(Attempt $attempt, string $stage, bool $isSent): self
    {
        $stage .= match (true) {
            $attempt->operation === Operation::Position, $attempt->operation === Operation::Presence => '',
            $attempt->operation === Operation::Revoke => $isSent ? ' (the tickets may or may not be revoked)' : ' (the tickets are not revoked)',
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
            Operation::Revoke => 'the tickets may or may not be revoked; ',
            Operation::Position, Operation::Presence => '',
        };
        $advice = $attempt->address->isHttp()
            ? 'was the web server or pushd restarted? Their logs say more'
            : 'was pushd restarted? Its log says more';
        return new self(PusherException::CLOSED, "the connection to $attempt was lost before the answer ($reason): $event$advice");
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
            default => "$attempt refused to publish the event ($name: $text)"
                . ($name === 'unknown_type' ? ': this pushd is too old to exclude a session, update it' : ''),
        };
        return new self($code, $message, $name, $endsConnection);
    }

    /** An error of pushd's, with a code of its HTTP interface. After most, the connection is closed, but others can follow over a new one. */
    public static function refusedByHttp(Attempt $attempt, string $code, string $text): self
    {
        $name = $code === 'ending' ? 'shutting_down' : $code;
        $error = self::refused($attempt, $name, $text);
        return new self($error->code, $error->message, $error->refusal, $name === 'denied' || $name === 'shutting_down');
    }

    /** An answer that pushd did not write, or that makes no sense. */
    public static function ofWebServer(Attempt $attempt, HttpAnswer $answer): self
    {
        $status = $answer->status;
        $described = $answer->described();
        $perhaps = match ($attempt->operation) {
            Operation::Publish => 'the event may or may not have been published; ',
            Operation::Revoke => 'the tickets may or may not be revoked; ',
            default => '',
        };
        [$code, $message] = match (true) {
            $answer->isOfBrowserPort() => [PusherException::PROTOCOL, "pushd's port for browsers answered at $attempt (HTTP status $status): the web server there must forward "
                . "{$attempt->operation->path()} to port 5555 of pushd. HOSTING.md has the lines"],
            $status >= 300 && $status < 400 => [PusherException::PROTOCOL, "$attempt redirects to {$answer->location()} (HTTP status $status), and the token is sent to "
                . 'no other address: if this is where pushd is, set pusher.address to it'],
            $status === 401 || $status === 403 => [PusherException::REFUSED, "the web server at $attempt refused the request ($described): does it ask for a password, "
                . 'or does a firewall refuse it?'],
            $status === 413 => [PusherException::TOO_BIG, "the event was not published: the web server at $attempt takes no request of this length "
                . '(HTTP status 413): in nginx, set client_max_body_size 4m'],
            $status === 429 || $status === 503 => [PusherException::BUSY, "the web server at $attempt takes no request now ($described): try again later"],
            in_array($status, [504, 522, 524], true) => [PusherException::TIMEOUT, "the web server at $attempt got no answer of pushd's in time (HTTP status $status): "
                . "{$perhaps}is pushd stopped or overloaded?"],
            $status === 502 || $status > 504 => [PusherException::CLOSED, "the web server at $attempt got no answer of pushd's (HTTP status $status): "
                . "{$perhaps}is pushd running, and does the web server forward to its port 5555?"],
            default => [PusherException::PROTOCOL, "no answer of pushd's from $attempt ($described): does the web server there forward {$attempt->operation->path()} "
                . 'to port 5555 of pushd? HOSTING.md has the lines'],
        };
        return new self($code, $message);
    }

    /** A refusal of a request that publishes nothing. */
    private static function refusedRequest(Attempt $attempt, int $code, bool $endsConnection, string $name, string $text): self
    {
        $operation = $attempt->operation;
        $cannot = match ($operation) {
            Operation::Drain => "can't publish its spool, which comes before the event,",
            Operation::Revoke => "can't revoke the tickets",
            default => "can't answer",
        };
        $refuses = match ($operation) {
            Operation::Drain => 'refused to publish its spool, which comes before the event',
            Operation::Revoke => 'refused to revoke the tickets',
            Operation::Presence => 'refused to report presence',
            default => 'gives no position',
        };
        $perhaps = $operation === Operation::Revoke ? 'the tickets may or may not be revoked; ' : '';
        $advice = $operation !== Operation::Drain && $name === 'unknown_type' ? ': this pushd is too old, update it' : '';
        [$code, $message] = match (true) {
            $operation === Operation::Revoke && $name === 'bad_sub' => [$code, "no ticket was revoked: $text"],
            $operation === Operation::Presence && $name === 'bad_topic' => [$code, "pushd refused to report presence: $text"],
            $code === PusherException::BUSY => [$code, "$attempt $cannot now ($text): try again later"],
            $code === PusherException::UNAVAILABLE => [$code, "$attempt can't reach its log ($text): {$perhaps}try again later"],
            default => [PusherException::REFUSED, "$attempt $refuses ($name: $text)$advice"],
        };
        return new self($code, $message, $name, $endsConnection);
    }

    /** An error of libpusher. It has the codes of PusherException. */
    public static function ofLibrary(int $code, string $message): self
    {
        return new self($code, $message);
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

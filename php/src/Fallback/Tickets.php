<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;

/** Signs tickets, with which browsers subscribe to private topics. The rules are those of crates/pusher-proto/src/ticket. */
final class Tickets
{
    /** Functions that a host may forbid without a consequence for publishing. */
    private const NEEDED = ['base64_encode', 'hash_hmac', 'rtrim', 'strtr', 'time'];

    /** @throws \PusherException */
    public static function sign(string $method, array $topics, int $ttl, ?string $sub, array $info, bool $cookie): string
    {
        $missing = Host::missingFunction() ?? self::missingFunction();
        if ($missing !== null) {
            Report::throw(PusherError::missing($missing));
        }
        foreach ($topics as $topic) {
            if (!is_string($topic)) {
                throw Report::placed(new \TypeError("$method(): Argument #1 (\$topics) must contain only strings"));
            }
        }
        try {
            $json = $info === [] ? null : Json::encode($info, static fn (string $reason) => PusherError::ticket(PusherException::JSON, $reason));
            // User code has run, and runs again only at the end: an error handler, if the cookie comes too late.
            $settings = TicketSettings::read();
            self::check($topics, $ttl, $sub, $json);
            $ticket = self::seal(KeyFile::first($settings->keyFile), $topics, $ttl, $sub, $json);
            if ($cookie) {
                Cookie::set($method, $settings, $ticket, $ttl);
            }
            return $ticket;
        } catch (PusherError $mistake) {
            Report::throw($mistake);
        }
    }

    /** @throws PusherError TOPIC, CONFIG (ttl), ID (sub), JSON (info) */
    private static function check(array $topics, int $ttl, ?string $sub, ?string $info): void
    {
        foreach ($topics as $topic) {
            if (!Text::isUtf8($topic)) {
                throw PusherError::ticket(PusherException::TOPIC, 'a topic is not valid UTF-8');
            }
        }
        if ($ttl < 0) {
            throw self::wrongTtl($ttl);
        }
        if ($sub !== null && !Text::isUtf8($sub)) {
            throw PusherError::ticket(PusherException::ID, 'sub is not valid UTF-8');
        }
        if ($topics === [] || count($topics) > Limits::TICKET_TOPICS_MAX) {
            throw PusherError::ticket(PusherException::TOPIC, 'a ticket is for 1 to ' . Limits::TICKET_TOPICS_MAX . ' topics, not ' . count($topics));
        }
        foreach ($topics as $topic) {
            if (preg_match('~\A[^*]+\z|\A(?:[^*]*[./:-])\*\z~', $topic) !== 1) {
                throw PusherError::ticket(PusherException::TOPIC, Text::quoted($topic)
                    . ' is no topic for a ticket: a * may only be its last character, behind . / : or -');
            }
        }
        if ($ttl < 1 || $ttl > Limits::TICKET_TTL_S_MAX) {
            throw self::wrongTtl($ttl);
        }
        if ($sub !== null && ($sub === '' || strlen($sub) > Limits::SUB_LEN_MAX)) {
            throw PusherError::ticket(PusherException::ID, 'sub is ' . strlen($sub) . ' bytes long: 1 to ' . Limits::SUB_LEN_MAX . ' are allowed');
        }
        if ($info !== null && (strlen($info) > Limits::TICKET_INFO_LEN_MAX || Json::isDeeperThan($info, Limits::EVENT_DEPTH_MAX))) {
            throw PusherError::ticket(PusherException::JSON, 'info must be one JSON value of at most ' . Limits::TICKET_INFO_LEN_MAX . ' bytes');
        }
    }

    private static function wrongTtl(int $ttl): PusherError
    {
        $max = Limits::TICKET_TTL_S_MAX;
        return PusherError::ticket(PusherException::CONFIG, "the ttl of a ticket is 1 to $max seconds, not $ttl");
    }

    /**
     * @param array{string, string} $key its id, and itself
     * @throws PusherError TOO_BIG
     */
    private static function seal(#[\SensitiveParameter] array $key, array $topics, int $ttl, ?string $sub, ?string $info): string
    {
        $now = time();
        $claims = '{"topics":' . json_encode(array_values($topics), Json::FLAGS)
            . ($sub === null ? '' : ',"sub":' . json_encode($sub, Json::FLAGS))
            . ',"exp":' . ($now + $ttl) . ",\"iat\":$now"
            . ($info === null ? '' : ",\"info\":$info") . '}';
        $signed = self::base64url("{\"alg\":\"HS256\",\"kid\":\"$key[0]\"}") . '.' . self::base64url($claims);
        $ticket = "$signed." . self::base64url(hash_hmac('sha256', $signed, $key[1], true));
        $length = strlen($ticket);
        if ($length > Limits::TICKET_LEN_MAX) {
            throw PusherError::ticket(PusherException::TOO_BIG, "the ticket is $length bytes long, at most " . Limits::TICKET_LEN_MAX
                . ' are allowed: it has fewer topics with a pattern, such as user.7.*');
        }
        return $ticket;
    }

    private static function base64url(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }

    private static function missingFunction(): ?string
    {
        foreach ([...self::NEEDED, ...KeyFile::NEEDED] as $function) {
            if (!function_exists($function)) {
                return $function;
            }
        }
        return null;
    }
}

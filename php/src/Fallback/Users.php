<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherException;

/** Requests about the users of tickets. */
final class Users
{
    /** @throws \PusherException */
    public static function revoke(string $method, string $sub): ?int
    {
        return Publishing::ask($method, static function () use ($sub): array {
            if (!Text::isUtf8($sub)) {
                throw PusherError::argument(PusherException::ID, 'no ticket was revoked: sub is not valid UTF-8');
            }
            if ($sub === '' || strlen($sub) > Limits::SUB_LEN_MAX) {
                throw PusherError::argument(PusherException::ID, 'no ticket was revoked: sub is ' . strlen($sub) . ' bytes long: 1 to '
                    . Limits::SUB_LEN_MAX . ' are allowed');
            }
            return [Operation::Revoke, new RevokeRequest($sub)];
        });
    }

    /** @throws \PusherException */
    public static function presence(string $method, string $topic): ?array
    {
        return Publishing::ask($method, static function () use ($topic): array {
            $length = strlen($topic);
            $mistake = match (true) {
                !Text::isUtf8($topic) => 'the topic is not valid UTF-8',
                $length === 0 => 'the topic is empty',
                $length > Limits::TOPIC_LEN_MAX => "the topic is $length bytes long, at most " . Limits::TOPIC_LEN_MAX . ' are allowed',
                default => null,
            };
            if ($mistake !== null) {
                throw PusherError::argument(PusherException::TOPIC, "presence was not requested: $mistake");
            }
            return [Operation::Presence, new PresenceRequest($topic)];
        });
    }
}

<?php
declare(strict_types=1);

use PusherFallback\Publishing;
use PusherFallback\Secret;
use PusherFallback\Tickets;
use PusherFallback\Users;

/**
 * Publishes to pushd, like the extension's class of this name. php/stubs/pusher.stub.php documents the methods.
 *
 * Differences from the extension: a connection ends with the request, a warning is an E_USER_WARNING that names the caller
 * in its text, and the settings come from php.ini (which may contain them although no extension registers them) and from
 * pusher_configure().
 */
final class Pusher
{
    private readonly ?string $address;
    private readonly array $options;

    public function __construct(?string $address = null, #[\SensitiveParameter] array $options = [])
    {
        Publishing::checkSettings($address, $options);
        $this->address = $address;
        $this->options = Secret::hide($options);
    }

    public static function publish(string $category, mixed $data, ?string $id = null, bool $latest = false, ?int $ttl = null, ?string $exclude = null): ?PusherReceipt
    {
        return Publishing::one(__METHOD__, null, [], $category, $data, $id, $latest, $ttl, $exclude);
    }

    public static function defer(string $category, mixed $data, ?string $id = null, bool $latest = false, ?int $ttl = null, ?string $exclude = null): void
    {
        Publishing::defer($category, $data, $id, $latest, $ttl, $exclude);
    }

    public function send(string $category, mixed $data, ?string $id = null, bool $latest = false, ?int $ttl = null, ?string $exclude = null): ?PusherReceipt
    {
        return Publishing::one(__METHOD__, $this->address ?? null, $this->options ?? [], $category, $data, $id, $latest, $ttl, $exclude);
    }

    public function sendMany(array $events): array
    {
        return Publishing::many(__METHOD__, $this->address ?? null, $this->options ?? [], $events);
    }

    public static function position(): ?string
    {
        return Publishing::position(__METHOD__, null, []);
    }

    public function currentPosition(): ?string
    {
        return Publishing::position(__METHOD__, $this->address ?? null, $this->options ?? []);
    }

    public static function ticket(array $topics, int $ttl = 300, ?string $sub = null, array $info = [], bool $cookie = true): string
    {
        return Tickets::sign(__METHOD__, $topics, $ttl, $sub, $info, $cookie);
    }

    public static function revoke(string $sub): ?int
    {
        return Users::revoke(__METHOD__, $sub);
    }

    public static function presence(string $topic): ?array
    {
        return Users::presence(__METHOD__, $topic);
    }

    /** Refuses dynamic properties, as the extension does. */
    public function __set(string $name, mixed $value): void
    {
        $action = $name === 'address' || $name === 'options' ? 'access private' : 'create dynamic';
        throw new Error("Cannot $action property Pusher::\$$name");
    }

    public function __serialize(): array
    {
        throw new Exception("Serialization of 'Pusher' is not allowed");
    }

    public function __unserialize(array $data): void
    {
        throw new Exception("Unserialization of 'Pusher' is not allowed");
    }
}

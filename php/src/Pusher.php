<?php
declare(strict_types=1);

use PusherFallback\Publishing;
use PusherFallback\Secret;

/**
 * Publishes to pushd, as the extension's class of this name does; what each method does, takes and
 * throws is described in php/stubs/pusher.stub.php.
 *
 * What is different without the extension: a connection lasts as long as the request, a warning is
 * an E_USER_WARNING that names the caller in its text, and the settings come from php.ini (where
 * they may stand although nobody registered them) and from pusher_configure().
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

    public static function publish(string $category, mixed $data, ?string $id = null): ?PusherReceipt
    {
        return Publishing::one(__METHOD__, null, [], $category, $data, $id);
    }

    public static function defer(string $category, mixed $data, ?string $id = null): void
    {
        Publishing::defer($category, $data, $id);
    }

    public function send(string $category, mixed $data, ?string $id = null): ?PusherReceipt
    {
        return Publishing::one(__METHOD__, $this->address ?? null, $this->options ?? [], $category, $data, $id);
    }

    public function sendMany(array $events): array
    {
        return Publishing::many(__METHOD__, $this->address ?? null, $this->options ?? [], $events);
    }

    /** Without it PHP would let anybody add properties, to which the extension says no. */
    public function __set(string $name, mixed $value): void
    {
        $fault = $name === 'address' || $name === 'options' ? 'access private' : 'create dynamic';
        throw new Error("Cannot $fault property Pusher::\$$name");
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

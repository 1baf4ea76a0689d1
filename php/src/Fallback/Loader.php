<?php
declare(strict_types=1);

namespace PusherFallback;

/** Loads the classes when they are first used. */
final class Loader
{
    private const PUBLIC = ['Pusher', 'PusherException', 'PusherReceipt'];

    /** The other classes in this folder. */
    private const INTERNAL = [
        'Request', 'HttpRequest', 'Protocol', 'Address', 'Attempt', 'Batch', 'Breaker', 'Connection', 'Cookie', 'Deferred',
        'DrainRequest', 'ErrorScope', 'Event', 'Goodbye', 'Host', 'Http', 'HttpAnswer', 'HttpConnection', 'HttpPath', 'Json',
        'KeyFile', 'Library', 'Limits', 'Many', 'Native', 'Operation', 'Path', 'PositionRequest', 'PresenceRequest', 'Process',
        'Publisher', 'Publishing', 'PusherError', 'Receipt', 'Report', 'Reset', 'RevokeRequest', 'Secret', 'Session', 'Settings',
        'Spool', 'SystemError', 'Text', 'TicketSettings', 'Tickets', 'Users',
    ];

    public static function register(): void
    {
        if (function_exists('spl_autoload_register')) {
            spl_autoload_register(self::load(...));
            return;
        }
        foreach (self::files() as $file) {
            require_once $file;
        }
    }

    private static function load(string $class): void
    {
        // Called for every class of the page that is not loaded yet.
        if ($class[0] !== 'P' && $class[0] !== 'p') {
            return;
        }
        foreach (self::files() as $name => $file) {
            // Class names are case-insensitive.
            if ($class === $name || function_exists('strcasecmp') && strcasecmp($class, $name) === 0) {
                require_once $file;
                return;
            }
        }
    }

    /** @return iterable<string, string> class names and their files */
    private static function files(): iterable
    {
        foreach (self::PUBLIC as $name) {
            yield $name => __DIR__ . "/../$name.php";
        }
        foreach (self::INTERNAL as $name) {
            yield __NAMESPACE__ . "\\$name" => __DIR__ . "/$name.php";
        }
    }
}

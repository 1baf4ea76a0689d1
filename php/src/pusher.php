<?php
declare(strict_types=1);

/*
 * Pusher without the extension: the same classes, in PHP alone, for a host where nothing can be
 * installed. Composer loads this file; everybody else does with one `require`. With the
 * extension loaded there is nothing here but pusher_configure().
 */

if (!function_exists('pusher_configure')) {
    /**
     * Changes settings for the rest of this request, with the extension and without it:
     *
     *     pusher_configure(['address' => 'unix:/home/me/pushd.sock', 'on_failure' => 'exception']);
     *
     * The names are those of php.ini without `pusher.`; null goes back to what php.ini says. Whether
     * a value can be understood shows at the next publish, as with ini_set().
     *
     * @param array<string, string|int|null> $settings
     * @throws ValueError There is no such setting. Nothing was changed.
     */
    function pusher_configure(#[\SensitiveParameter] array $settings): void
    {
        require_once __DIR__ . '/Fallback/Settings.php';
        $unknown = array_diff(array_keys($settings), array_keys(PusherFallback\Settings::DEFAULTS));
        if ($unknown !== []) {
            throw new ValueError('pusher_configure(): "' . reset($unknown) . '" is none of '
                . implode(', ', array_keys(PusherFallback\Settings::DEFAULTS)));
        }
        foreach ($settings as $name => $value) {
            match (true) {
                !extension_loaded('pusher') => PusherFallback\Settings::set($name, $value),
                $value === null => ini_restore("pusher.$name"),
                default => ini_set("pusher.$name", $value),
            };
        }
    }
}

if (!extension_loaded('pusher') && !class_exists('Pusher', false)) {
    spl_autoload_register(static function (string $class): void {
        $own = ['pusher' => 'Pusher', 'pusherreceipt' => 'PusherReceipt', 'pusherexception' => 'PusherException'];
        if (isset($own[strtolower($class)])) {
            require __DIR__ . '/' . $own[strtolower($class)] . '.php';
        } elseif (str_starts_with($class, 'PusherFallback\\')) {
            $file = __DIR__ . '/Fallback/' . substr($class, strlen('PusherFallback\\')) . '.php';
            is_file($file) && require_once $file;
        }
    });
    // Behind all shutdown functions that there will be by then: they may have something to defer.
    register_shutdown_function(static fn () => register_shutdown_function(static fn () => PusherFallback\Deferred::end()));
}

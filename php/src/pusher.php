<?php
declare(strict_types=1);

/*
 * Pusher without the extension: the same classes in plain PHP, for a host where nothing can be installed. Composer
 * loads this file; without Composer, load it with one `require`. If the extension is loaded, this file only defines
 * pusher_configure().
 *
 * A host may forbid nearly every function of PHP, so this file checks that a function exists before it calls it.
 */

if (!function_exists('pusher_configure')) {
    /**
     * Changes settings for the rest of this request, with the extension and without it:
     *
     *     pusher_configure(['address' => 'unix:/home/me/pushd.sock', 'on_failure' => 'exception']);
     *
     * The names are those of php.ini without `pusher.`; null restores the value of php.ini. An
     * invalid value is reported by the next publish, as with ini_set().
     *
     * @param array<string, string|int|null> $settings
     * @throws ValueError There is no such setting. Nothing was changed.
     * @throws PusherException The extension is loaded, and the host forbids ini_set() or ini_restore()
     *     (CONFIG): put the settings in php.ini.
     */
    function pusher_configure(#[\SensitiveParameter] array $settings): void
    {
        require_once __DIR__ . '/Fallback/Settings.php';
        foreach ($settings as $name => $value) {
            PusherFallback\Settings::checkName($name);
        }
        $isExtension = function_exists('extension_loaded') && extension_loaded('pusher');
        foreach ($settings as $name => $value) {
            $function = $value === null ? 'ini_restore' : 'ini_set';
            match (true) {
                !$isExtension => PusherFallback\Settings::set($name, $value),
                !function_exists($function) => throw new PusherException(
                    "pusher_configure(): PHP's $function() is missing here (see disable_functions in php.ini): set pusher.$name in php.ini",
                    PusherException::CONFIG,
                ),
                $value === null => ini_restore("pusher.$name"),
                default => ini_set("pusher.$name", $value),
            };
        }
    }
}

if (
    !(function_exists('extension_loaded') && extension_loaded('pusher'))
    && !(function_exists('class_exists') && class_exists('Pusher', false))
) {
    require_once __DIR__ . '/Fallback/Loader.php';
    PusherFallback\Loader::register();
    // Runs after all other shutdown functions, because they may defer events. (If the host forbids it, the events are sent
    // when PHP destroys the request's objects.)
    if (function_exists('register_shutdown_function')) {
        register_shutdown_function(static fn () => register_shutdown_function(static fn () => PusherFallback\Deferred::end()));
    }
}

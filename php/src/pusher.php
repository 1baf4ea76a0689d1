<?php
declare(strict_types=1);

/*
 * Pusher without the extension: the same classes, in PHP alone, for a host where nothing can be
 * installed. Composer loads this file; everybody else does with one `require`. With the
 * extension loaded there is nothing here but pusher_configure().
 *
 * A host may forbid nearly every function of PHP: what is called here is asked for first.
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
     * @throws PusherException The extension is loaded, and the host forbids ini_set() or ini_restore()
     *     (CONFIG): settings must stand in php.ini.
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
    // Behind all shutdown functions that there will be by then: they may have something to defer. (Without this function
    // the events go with the request's objects.)
    if (function_exists('register_shutdown_function')) {
        register_shutdown_function(static fn () => register_shutdown_function(static fn () => PusherFallback\Deferred::end()));
    }
}

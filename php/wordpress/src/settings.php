<?php
declare(strict_types=1);

namespace PushdLive;

/** The names of options: all settings, the last failure, and the time at which the last events went to the spool. */
const SETTINGS = 'pushd_live';
const LAST_FAILURE = 'pushd_live_failure';
const LAST_SPOOLED = 'pushd_live_spooled';

/** @return array{address: string, token: string, url: string, types: list<string>} */
function settings(): array
{
    $stored = get_option(SETTINGS, []);
    return array_merge([
        // The address of pushd's publish listener (port 5555), or https://... of a web server in front of it.
        'address' => 'tcp://127.0.0.1:5555',
        'token' => '',
        // The address of pushd's public listener, for browsers. If it is empty, pages show no live entries.
        'url' => '',
        'types' => ['post'],
    ], is_array($stored) ? $stored : []);
}

/** Returns the public post types, which may be published: name => label. */
function public_types(): array
{
    $types = array_diff_key(get_post_types(['public' => true], 'objects'), ['attachment' => true]);
    return array_map(static fn ($type): string => $type->labels->name, array_filter($types, is_post_type_viewable(...)));
}

/** Returns a topic of this site. The site's address is part of it, because several sites may share a pushd. */
function topic(string $rest): string
{
    $home = wp_parse_url(home_url());
    $port = isset($home['port']) ? ":{$home['port']}" : '';
    return ($home['host'] ?? 'localhost') . $port . rtrim($home['path'] ?? '', '/') . "/$rest";
}

/** @throws \PusherException A setting is invalid. */
function pusher(array $settings): \Pusher
{
    $options = ['on_failure' => 'exception'];
    if ($settings['token'] !== '') {
        $options['token'] = $settings['token'];
    }
    return new \Pusher($settings['address'], $options);
}

/** Whether PHP publishes by HTTP, through a web server in front of pushd. */
function is_http(string $address): bool
{
    return preg_match('~\Ahttps?://~i', $address) === 1;
}

/** Returns the directory where events wait while pushd is away, or an empty text. It is a setting of PHP, not of the site. */
function spool_dir(): string
{
    return extension_loaded('pusher') ? (string) ini_get('pusher.spool') : \PusherFallback\Settings::get('spool');
}

/** Returns the reason why PHP can't use the spool, or null. */
function spool_failure(string $dir): ?string
{
    // With open_basedir, PHP's functions cannot check the directory, but the extension may write to it.
    if (extension_loaded('pusher') && ini_get('open_basedir') !== '') {
        return null;
    }
    $file = "$dir/spool";
    return match (true) {
        !@is_dir($dir) => 'PHP finds no such directory',
        !@is_writable(@file_exists($file) ? $file : $dir) => 'the user of the web server may not write to it',
        default => null,
    };
}

<?php
declare(strict_types=1);

namespace PushdLive;

/** The names of two options: all settings, and the last failure. */
const SETTINGS = 'pushd_live';
const LAST_FAILURE = 'pushd_live_failure';

/** @return array{address: string, token: string, url: string, types: list<string>} */
function settings(): array
{
    $stored = get_option(SETTINGS, []);
    return array_merge([
        // The address of pushd's publish listener (port 5555).
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

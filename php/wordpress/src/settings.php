<?php
declare(strict_types=1);

namespace PushdLive;

/** The option with all settings, and that with what failed last. */
const SETTINGS = 'pushd_live';
const LAST_FAILURE = 'pushd_live_failure';

/** @return array{address: string, token: string, url: string, types: list<string>} */
function settings(): array
{
    $stored = get_option(SETTINGS, []);
    return array_merge([
        // Where pushd listens for publishers.
        'address' => 'tcp://127.0.0.1:5555',
        'token' => '',
        // Where browsers find it; without it nothing is shown live.
        'url' => '',
        'types' => ['post'],
    ], is_array($stored) ? $stored : []);
}

/** The post types that anybody may read, and so may be published: name => what people call them. */
function public_types(): array
{
    $types = array_diff_key(get_post_types(['public' => true], 'objects'), ['attachment' => true]);
    return array_map(static fn ($type): string => $type->labels->name, array_filter($types, is_post_type_viewable(...)));
}

/** For what this site publishes; several sites may share a pushd. */
function topic(string $rest): string
{
    $home = wp_parse_url(home_url());
    $port = isset($home['port']) ? ":{$home['port']}" : '';
    return ($home['host'] ?? 'localhost') . $port . rtrim($home['path'] ?? '', '/') . "/$rest";
}

/** @throws \PusherException A setting can't be understood. */
function pusher(array $settings): \Pusher
{
    $options = ['on_failure' => 'exception'];
    if ($settings['token'] !== '') {
        $options['token'] = $settings['token'];
    }
    return new \Pusher($settings['address'], $options);
}

<?php
declare(strict_types=1);

namespace PushdLive;

/** The REST route that pages request after a gap in their events. Every page requests all entries that a feed may show. */
const REST_NAMESPACE = 'pushd-live/v1';
const REST_ROUTE = '/entries';

function serve_entries(): void
{
    add_action('rest_api_init', static function (): void {
        register_rest_route(REST_NAMESPACE, REST_ROUTE, [
            'methods' => 'GET',
            'callback' => static function (\WP_REST_Request $request): \WP_REST_Response {
                $entries = latest($request['show'], $request['type'], $request['post'], COUNT_MAX);
                // Pages remove entries that are not in the answer, so a cached answer would remove new entries.
                return new \WP_REST_Response(['entries' => $entries], 200, ['Cache-Control' => 'no-store']);
            },
            // The answer has public entries only.
            'permission_callback' => '__return_true',
            'args' => [
                'show' => ['type' => 'string', 'enum' => ['posts', 'comments'], 'default' => 'posts'],
                'type' => ['type' => 'string', 'default' => 'post'],
                'post' => ['type' => 'integer', 'minimum' => 0, 'default' => 0],
            ],
        ]);
    });
}

function entries_url(string $show, string $type, int $post): string
{
    $query = $show === 'comments' ? ['show' => $show, 'post' => $post] : ['show' => $show, 'type' => rawurlencode($type)];
    return add_query_arg($query, rest_url(REST_NAMESPACE . REST_ROUTE));
}

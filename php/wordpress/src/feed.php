<?php
declare(strict_types=1);

namespace PushdLive;

/** How many entries a feed shows, and the page keeps. */
const COUNT_MAX = 50;

/** The shortcode [pushd_live], and the block of the same make. */
function show_feeds(): void
{
    add_shortcode('pushd_live', static fn ($attributes): string => feed((array) $attributes));
    add_action('init', static function (): void {
        wp_register_style('pushd-live', plugins_url('assets/live.css', FILE), [], VERSION);
        register_scripts();
        register_block_type(dirname(FILE) . '/block.json', ['render_callback' => feed(...)]);
    });
}

function register_scripts(): void
{
    $url = settings()['url'];
    // pushd serves the client itself: always the one that fits.
    $needs = $url === '' ? [] : ['pushd-client'];
    $url === '' || wp_register_script('pushd-client', "$url/pusher.js", [], null, true);
    wp_register_script('pushd-live', plugins_url('assets/live.js', FILE), $needs, VERSION, true);
    wp_register_script('pushd-live-block', plugins_url('assets/block.js', FILE), [
        'wp-blocks', 'wp-block-editor', 'wp-components', 'wp-element', 'wp-server-side-render',
    ], VERSION, true);
}

/**
 * A list of the latest entries, that grows while somebody looks at it.
 *
 *     [pushd_live]                              posts
 *     [pushd_live type="page" count="3"]        of another type
 *     [pushd_live show="comments" count="0"]    comments on this post, only new ones
 *     [pushd_live show="comments" post="7"]     comments on another
 */
function feed(array $attributes): string
{
    $attributes = shortcode_atts(['show' => 'posts', 'type' => 'post', 'post' => 0, 'count' => 5], $attributes, 'pushd_live');
    $count = max(0, min(COUNT_MAX, (int) $attributes['count']));
    if ($attributes['show'] === 'comments') {
        $post = (int) $attributes['post'] ?: (int) get_the_ID();
        [$topic, $events] = [topic("comments/$post"), latest_comments($post, $count)];
    } else {
        $type = (string) $attributes['type'];
        [$topic, $events] = [topic($type), latest_posts($type, $count)];
    }
    $server = settings()['url'];
    wp_enqueue_style('pushd-live');
    $server === '' || wp_enqueue_script('pushd-live');
    return sprintf(
        '<ul class="pushd-live" data-server="%s" data-topic="%s" data-max="%d" aria-live="polite">%s</ul>',
        esc_attr($server),
        esc_attr($topic),
        COUNT_MAX,
        implode('', array_map(entry(...), $events)),
    );
}

/** An entry, as assets/live.js makes it of an event. */
function entry(array $event): string
{
    $heading = $event['title'] ?? $event['author'];
    return sprintf(
        '<li data-id="%s"><a href="%s">%s</a><p>%s</p></li>',
        esc_attr("{$event['kind']} {$event['id']}"),
        esc_url($event['url']),
        esc_html($heading === '' ? $event['url'] : $heading),
        nl2br(esc_html($event['text']), false),
    );
}

function latest_posts(string $type, int $count): array
{
    $isShown = $count > 0 && in_array($type, settings()['types'], true);
    $posts = $isShown ? get_posts(['post_type' => $type, 'numberposts' => $count, 'has_password' => false]) : [];
    return array_values(array_filter(array_map(post_event(...), $posts)));
}

function latest_comments(int $post, int $count): array
{
    $comments = $count > 0 && $post > 0
        ? get_comments(['post_id' => $post, 'status' => 'approve', 'type' => 'comment', 'number' => $count])
        : [];
    return array_values(array_filter(array_map(comment_event(...), $comments)));
}

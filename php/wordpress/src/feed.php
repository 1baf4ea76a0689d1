<?php
declare(strict_types=1);

namespace PushdLive;

/** Most entries that a feed shows, and that an open page keeps. */
const COUNT_MAX = 50;

/** Default time over which pages spread their requests after a gap, in milliseconds. */
const SPREAD_MS = 2000;

/** Registers the shortcode [pushd_live], and the block with the same output. */
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
    wp_register_script('pushd-live', plugins_url('assets/live.js', FILE), [], VERSION, true);
    // Not attributes of the list: authors can write such a list themselves, and the page loads a script from the server.
    $settings = [
        'server' => settings()['url'],
        /** Changes the time over which pages spread their requests, in milliseconds. Increase it for many readers. */
        'spreadMs' => max(0, (int) apply_filters('pushd_live_spread_ms', SPREAD_MS)),
    ];
    wp_add_inline_script('pushd-live', 'const pushdLive = ' . wp_json_encode($settings, JSON_HEX_TAG) . ';', 'before');
    wp_register_script('pushd-live-block', plugins_url('assets/block.js', FILE), [
        'wp-blocks', 'wp-block-editor', 'wp-components', 'wp-element', 'wp-server-side-render',
    ], VERSION, true);
}

/**
 * Returns a list of the latest entries. An open page adds new ones.
 *
 *     [pushd_live]                              the latest posts
 *     [pushd_live type="page" count="3"]        the latest entries of another post type
 *     [pushd_live show="comments" count="0"]    only new comments on this post
 *     [pushd_live show="comments" post="7"]     comments on another post
 */
function feed(array $attributes): string
{
    $attributes = shortcode_atts(['show' => 'posts', 'type' => 'post', 'post' => 0, 'count' => 5], $attributes, 'pushd_live');
    $show = $attributes['show'] === 'comments' ? 'comments' : 'posts';
    $type = (string) $attributes['type'];
    $post = $show === 'comments' ? ((int) $attributes['post'] ?: (int) get_the_ID()) : 0;
    $server = settings()['url'];
    $since = $server === '' ? '' : position();
    $events = latest($show, $type, $post, max(0, min(COUNT_MAX, (int) $attributes['count'])));
    wp_enqueue_style('pushd-live');
    $server === '' || wp_enqueue_script('pushd-live');
    return sprintf(
        '<ul class="pushd-live" data-topic="%s" data-since="%s" data-entries="%s" data-known="%s" data-max="%d" aria-live="polite">%s</ul>',
        esc_attr($show === 'comments' ? comments_topic($post) : topic($type)),
        esc_attr($since),
        esc_url(entries_url($show, $type, $post)),
        // Stored entries that the script must not add as new, including those that the list does not show.
        esc_attr(wp_json_encode($server === '' ? [] : array_map(intval(...), stored($show, $type, $post, COUNT_MAX, 'ids')))),
        COUNT_MAX,
        implode('', array_map(entry(...), $events)),
    );
}

/**
 * Returns the position of pushd's log from before the first query of this request. Empty if pushd does not answer: then the
 * page requests the entries.
 *
 * The position belongs to the page's contents, so a page cache may keep both. pushd then sends what was published since
 * the page was made. Only if it no longer has all of that, the page requests the entries, once, after a random delay.
 */
function position(): string
{
    static $position = null;
    try {
        return $position ??= (string) pusher(settings())->currentPosition();
    } catch (\Throwable) {
        // Not stored like the failure of a publish: this happens at each view of a page.
        return $position = '';
    }
}

/** Returns an entry's HTML. assets/live.js makes the same from an event. */
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

/** Returns the events of public entries, newest first: posts of a type, or comments on a post. */
function latest(string $show, string $type, int $post, int $count): array
{
    $event = $show === 'comments' ? comment_event(...) : post_event(...);
    return array_values(array_filter(array_map($event, stored($show, $type, $post, $count))));
}

/** @param string $fields "ids" returns only the ids */
function stored(string $show, string $type, int $post, int $count, string $fields = ''): array
{
    if ($count === 0) {
        return [];
    }
    if ($show === 'comments') {
        $isPublic = $post > 0 && get_post($post) !== null && is_public(get_post($post));
        return $isPublic
            ? get_comments(['post_id' => $post, 'status' => 'approve', 'type' => 'comment', 'number' => $count, 'fields' => $fields])
            : [];
    }
    return in_array($type, settings()['types'], true)
        ? get_posts([
            'post_type' => $type,
            'numberposts' => $count,
            'has_password' => false,
            // Two posts may have the same second.
            'orderby' => ['date' => 'DESC', 'ID' => 'DESC'],
            'fields' => $fields,
        ])
        : [];
}

<?php
declare(strict_types=1);

namespace PushdLive;

/** Most events of one request. A request with more is an import, which pages should not show live. */
const EVENTS_MAX = 100;

/** Longest event that pushd accepts, in bytes of JSON. */
const EVENT_LEN_MAX = 3 * 1024 * 1024;

/** Publishes changes of posts and comments at the end of each request. */
function publish_what_is_public(): void
{
    watch_posts();
    watch_comments();
    add_action('shutdown', publish_queue(...), 100);
}

function watch_posts(): void
{
    add_action('transition_post_status', static function (string $new, string $old, \WP_Post $post): void {
        if ($new === 'publish' && $old !== 'publish') {
            queue('post', $post->ID);
        }
    }, 10, 3);
    // For every edited post. It may become public, or stop being public, without a change of its status.
    add_action('post_updated', static function (int $id, \WP_Post $after, \WP_Post $before): void {
        if (is_public($before)) {
            queue('post', $id, topic($before->post_type));
        } elseif (is_public($after)) {
            queue('post', $id);
        }
    }, 10, 3);
    add_action('before_delete_post', static function (int $id, \WP_Post $post): void {
        if (is_public($post)) {
            queue('post', $id, topic($post->post_type));
        }
    }, 10, 2);
}

function watch_comments(): void
{
    add_action('comment_post', static function (int|string $id): void {
        queue('comment', (int) $id);
    });
    // For the REST API, which does not run comment_post.
    add_action('rest_after_insert_comment', static function (\WP_Comment $comment, $request, bool $isNew): void {
        $isNew && queue('comment', (int) $comment->comment_ID);
    }, 10, 3);
    // Deleting a comment also changes its status.
    add_action('transition_comment_status', static function (string|int $new, string|int $old, \WP_Comment $comment): void {
        if ($old === 'approved') {
            queue('comment', (int) $comment->comment_ID, topic_if_public($comment));
        } elseif ($new === 'approved') {
            queue('comment', (int) $comment->comment_ID);
        }
    }, 10, 3);
    // The only hook with the comment before the change. An earlier filter may have returned an error, so $data is mixed.
    add_filter('wp_update_comment_data', static function (mixed $data, array $before): mixed {
        $before = new \WP_Comment((object) $before);
        if ($before->comment_approved === '1') {
            queue('comment', (int) $before->comment_ID, topic_if_public($before));
        }
        return $data;
    }, 10, 2);
}

/** Returns the topic of an approved comment, or null if its post is not public. */
function topic_if_public(\WP_Comment $comment): ?string
{
    return may_be_public($comment) ? comments_topic((int) $comment->comment_post_ID) : null;
}

/**
 * Queues a post or comment. The event is made at the end of the request, when WordPress has stored everything, such as
 * categories and the address.
 *
 * @param string|null $kind "post" or "comment"; null empties the queue
 * @param string|null $wasIn the topic in which it was public before the change
 * @return list<array{string, int, ?string}> the queued items if $kind is null, otherwise nothing
 */
function queue(?string $kind = null, int $id = 0, ?string $wasIn = null): array
{
    static $queue = [];
    if ($kind === null) {
        [$taken, $queue] = [array_values($queue), []];
        return $taken;
    }
    // The id belongs to another site of this network. At the end of the request it would mean an entry of this site.
    if (is_multisite() && ms_is_switched()) {
        return [];
    }
    $isKnown = isset($queue["$kind $id"]);
    if ($isKnown || count($queue) < EVENTS_MAX) {
        // Keeps the first $wasIn: open pages show the state from before the request.
        $queue["$kind $id"] ??= [$kind, $id, $wasIn];
    }
    return [];
}

function publish_queue(): void
{
    $queue = queue();
    if ($queue === []) {
        return;
    }
    try {
        finish_page();
        $messages = array_merge(...array_map(static fn (array $queued): array => messages_of(...$queued), $queue));
        if ($messages === []) {
            return;
        }
        $mistakes = array_filter(array_map(mistake(...), $messages));
        // One call for all events, so that a slow pushd costs only one timeout.
        $receipts = pusher(settings())->sendMany(array_diff_key($messages, $mistakes));
        remember_spooled($receipts);
        if ($mistakes !== []) {
            throw new \UnexpectedValueException(reset($mistakes));
        }
        delete_option(LAST_FAILURE);
    } catch (\Throwable $failure) {
        // The post is stored, so the request succeeds. The log and the settings page show the failure.
        function_exists('error_log') && error_log('Pushd Live: ' . $failure->getMessage());
        update_option(LAST_FAILURE, ['time' => time(), 'message' => $failure->getMessage()], false);
    }
}

/**
 * Stores for the settings page whether pushd accepted the events, or they wait in the spool.
 *
 * @param array<\PusherReceipt> $receipts
 */
function remember_spooled(array $receipts): void
{
    $spooled = array_filter($receipts, static fn (\PusherReceipt $receipt): bool => $receipt->spooled);
    if ($spooled !== []) {
        update_option(LAST_SPOOLED, time(), false);
    } elseif ($receipts !== []) {
        delete_option(LAST_SPOOLED);
    }
}

/** Sends the response to the visitor before publishing, if possible. Shared hosts may forbid each of these functions. */
function finish_page(): void
{
    // Otherwise PHP ends the script, and publishes nothing, if the visitor has closed the connection.
    function_exists('ignore_user_abort') && ignore_user_abort(true);
    foreach (['fastcgi_finish_request', 'litespeed_finish_request'] as $finish) {
        if (function_exists($finish)) {
            $finish();
            return;
        }
    }
    function_exists('flush') && flush();
}

/** Returns the reason why pushd would refuse an event, or null. A filter's mistake in one event must not stop the others. */
function mistake(array $message): ?string
{
    [, $event] = $message;
    $json = json_encode($event, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    $reason = match (true) {
        $json === false => json_last_error_msg(),
        strlen($json) > EVENT_LEN_MAX => 'it has ' . strlen($json) . ' bytes, at most ' . EVENT_LEN_MAX . ' are possible',
        default => null,
    };
    return $reason === null ? null : sprintf('%s %s was not published: %s', $event['kind'] ?? '', $event['id'] ?? '', $reason);
}

/**
 * Returns the messages for a queued post or comment.
 *
 * @return list<array{string, array}> topics and events
 */
function messages_of(string $kind, int $id, ?string $wasIn): array
{
    [$topic, $event] = event_of($kind, $id);
    $messages = [];
    if ($wasIn !== null && ($event === null || $wasIn !== $topic)) {
        $messages[] = [$wasIn, ['kind' => $kind, 'id' => $id, 'removed' => true]];
    }
    if ($event !== null) {
        // Pages apply an update only to an entry that they show.
        $messages[] = [$topic, $event + ($wasIn === $topic ? ['updated' => true] : [])];
    }
    return $messages;
}

/** @return array{string, ?array} topic and event; no event if it is not public */
function event_of(string $kind, int $id): array
{
    if ($kind === 'post') {
        $post = get_post($id);
        return [topic($post->post_type ?? ''), $post === null ? null : post_event($post)];
    }
    $comment = get_comment($id);
    return [comments_topic((int) ($comment->comment_post_ID ?? 0)), $comment === null ? null : comment_event($comment)];
}

<?php
declare(strict_types=1);

namespace PushdLive;

/** More than that in one request is an import, which nobody wants to see live. */
const EVENTS_MAX = 100;

/** What pushd takes of one event, in bytes of JSON. */
const EVENT_LEN_MAX = 3 * 1024 * 1024;

/** Watches what WordPress does with posts and comments. */
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
    // Of all that is edited: also what is no longer public, or has become so without a change of its status.
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
    // Of the REST interface, which does not do comment_post.
    add_action('rest_after_insert_comment', static function (\WP_Comment $comment, $request, bool $isNew): void {
        $isNew && queue('comment', (int) $comment->comment_ID);
    }, 10, 3);
    // To delete is a status too.
    add_action('transition_comment_status', static function (string|int $new, string|int $old, \WP_Comment $comment): void {
        if ($old === 'approved') {
            queue('comment', (int) $comment->comment_ID, topic_if_public($comment));
        } elseif ($new === 'approved') {
            queue('comment', (int) $comment->comment_ID);
        }
    }, 10, 3);
    // The only one that has the comment as it was. Whoever wrote a filter before this one may have given an error.
    add_filter('wp_update_comment_data', static function (mixed $data, array $before): mixed {
        $before = new \WP_Comment((object) $before);
        if ($before->comment_approved === '1') {
            queue('comment', (int) $before->comment_ID, topic_if_public($before));
        }
        return $data;
    }, 10, 2);
}

/** Where an approved comment is shown; null if it is not. */
function topic_if_public(\WP_Comment $comment): ?string
{
    return may_be_public($comment) ? comments_topic((int) $comment->comment_post_ID) : null;
}

/**
 * What is to be published at the end of the request, when its categories, its address and everything
 * else is stored.
 *
 * @param string|null $kind "post" or "comment"; null empties the queue
 * @param string|null $wasIn the topic in which everybody could see it until now
 * @return list<array{string, int, ?string}> what was in it, if it is emptied
 */
function queue(?string $kind = null, int $id = 0, ?string $wasIn = null): array
{
    static $queue = [];
    if ($kind === null) {
        [$taken, $queue] = [array_values($queue), []];
        return $taken;
    }
    // Of another site of this network: at the end of the request its number would be one of ours.
    if (is_multisite() && ms_is_switched()) {
        return [];
    }
    $isKnown = isset($queue["$kind $id"]);
    if ($isKnown || count($queue) < EVENTS_MAX) {
        // What it was when the request began is what pages show.
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
        // All together: what is slow is waited for only once.
        pusher(settings())->sendMany(array_diff_key($messages, $mistakes));
        if ($mistakes !== []) {
            throw new \UnexpectedValueException(reset($mistakes));
        }
        delete_option(LAST_FAILURE);
    } catch (\Throwable $failure) {
        // The post is stored, and that is what counts. The settings page shows it, too.
        function_exists('error_log') && error_log('Pushd Live: ' . $failure->getMessage());
        update_option(LAST_FAILURE, ['time' => time(), 'message' => $failure->getMessage()], false);
    }
}

/** Lets the visitor go, as far as the server can. Shared hosts forbid functions like these: it goes on without. */
function finish_page(): void
{
    // Or PHP ends here, with nothing sent, if he has gone already.
    function_exists('ignore_user_abort') && ignore_user_abort(true);
    foreach (['fastcgi_finish_request', 'litespeed_finish_request'] as $finish) {
        if (function_exists($finish)) {
            $finish();
            return;
        }
    }
    function_exists('flush') && flush();
}

/** Why pushd would not take it, if so: a filter's mistake in one event must not keep back the others. */
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
 * What pages are told of what was queued.
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
        // An update is for those who show it, and no news.
        $messages[] = [$topic, $event + ($wasIn === $topic ? ['updated' => true] : [])];
    }
    return $messages;
}

/** @return array{string, ?array} topic and event; no event if it is not for everybody */
function event_of(string $kind, int $id): array
{
    if ($kind === 'post') {
        $post = get_post($id);
        return [topic($post->post_type ?? ''), $post === null ? null : post_event($post)];
    }
    $comment = get_comment($id);
    return [comments_topic((int) ($comment->comment_post_ID ?? 0)), $comment === null ? null : comment_event($comment)];
}

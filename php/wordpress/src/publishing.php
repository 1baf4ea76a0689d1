<?php
declare(strict_types=1);

namespace PushdLive;

/** More than that in one request is an import, which nobody wants to see live. */
const EVENTS_MAX = 100;

/** Watches what WordPress does with posts and comments. */
function publish_what_becomes_public(): void
{
    add_action('transition_post_status', static function (string $new, string $old, \WP_Post $post): void {
        if ($new === 'publish' && $old !== 'publish') {
            queue("post $post->ID");
        }
    }, 10, 3);
    add_action('comment_post', static function (int|string $id): void {
        queue("comment $id");
    });
    // Of the REST interface, which does not do comment_post.
    add_action('rest_after_insert_comment', static function (\WP_Comment $comment): void {
        queue("comment $comment->comment_ID");
    });
    add_action('transition_comment_status', static function (string|int $new, string|int $old, \WP_Comment $comment): void {
        if ($new === 'approved' && $old !== 'approved') {
            queue("comment $comment->comment_ID");
        }
    }, 10, 3);
    add_action('shutdown', publish_queue(...), 100);
}

/**
 * What is to be published at the end of the request, when its categories, its address and everything
 * else is stored.
 *
 * @param string|null $mark "post" or "comment" and its number; null empties the queue
 * @return list<string> what was in it, if it is emptied
 */
function queue(?string $mark = null): array
{
    static $marks = [];
    if ($mark === null) {
        [$taken, $marks] = [array_keys($marks), []];
        return $taken;
    }
    if (count($marks) < EVENTS_MAX) {
        $marks[$mark] = true;
    }
    return [];
}

function publish_queue(): void
{
    $marks = queue();
    if ($marks === []) {
        return;
    }
    $settings = settings();
    if (function_exists('fastcgi_finish_request')) {
        fastcgi_finish_request();
    }
    try {
        $pusher = pusher($settings);
        foreach ($marks as $mark) {
            [$topic, $event] = event_of($mark);
            $event === null || $pusher->send($topic, $event);
        }
        delete_option(LAST_FAILURE);
    } catch (\Throwable $failure) {
        // The post is stored, and that is what counts. The settings page shows it, too.
        error_log('Pushd Live: ' . $failure->getMessage());
        update_option(LAST_FAILURE, ['time' => time(), 'message' => $failure->getMessage()], false);
    }
}

/** @return array{string, ?array} topic and event; no event if it is not for everybody */
function event_of(string $mark): array
{
    [$kind, $id] = explode(' ', $mark);
    if ($kind === 'post') {
        $post = get_post((int) $id);
        return [topic($post->post_type ?? ''), $post === null ? null : post_event($post)];
    }
    $comment = get_comment((int) $id);
    return [topic('comments/' . ($comment->comment_post_ID ?? '')), $comment === null ? null : comment_event($comment)];
}

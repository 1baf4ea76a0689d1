<?php
declare(strict_types=1);

namespace PushdLive;

/*
 * The events that browsers get. Everybody can subscribe to a topic, so an event has public content only. All of it is
 * plain text.
 */

/**
 * Returns a post as an event, or null if the post is not public.
 *
 * The event's text is the excerpt, if the author wrote one. The post's own text may have parts that a plugin hides from
 * some visitors.
 */
function post_event(\WP_Post $post): ?array
{
    if (!is_public($post)) {
        return null;
    }
    $event = [
        'kind' => 'post',
        'id' => $post->ID,
        'type' => $post->post_type,
        'title' => text(get_the_title($post)),
        'text' => text($post->post_excerpt),
        'author' => text((string) get_the_author_meta('display_name', (int) $post->post_author)),
        'url' => (string) get_permalink($post),
        'time' => get_post_time(DATE_ATOM, true, $post),
    ];
    /** Changes a post's event, or prevents it (null). */
    return apply_filters('pushd_live_post', $event, $post);
}

/** Returns a comment as an event, or null if the comment is not public. */
function comment_event(\WP_Comment $comment): ?array
{
    if ($comment->comment_approved !== '1' || !may_be_public($comment)) {
        return null;
    }
    $event = [
        'kind' => 'comment',
        'id' => (int) $comment->comment_ID,
        'post' => (int) $comment->comment_post_ID,
        'text' => text($comment->comment_content),
        'author' => text(get_comment_author($comment)),
        'url' => (string) get_comment_link($comment),
        'time' => get_comment_date(DATE_ATOM, $comment),
    ];
    /** Changes a comment's event, or prevents it (null). */
    return apply_filters('pushd_live_comment', $event, $comment);
}

/** Whether a post is published, has a type that the settings select, and is neither private nor password-protected. */
function is_public(\WP_Post $post): bool
{
    return in_array($post->post_type, settings()['types'], true)
        && isset(public_types()[$post->post_type])
        && $post->post_password === ''
        && is_post_publicly_viewable($post);
}

/** Whether a comment is public once it is approved: a reader wrote it, on a public post. */
function may_be_public(\WP_Comment $comment): bool
{
    $post = get_post((int) $comment->comment_post_ID);
    return in_array($comment->comment_type, ['', 'comment'], true) && $post instanceof \WP_Post && is_public($post);
}

/** Returns the topic of the comments on a post. */
function comments_topic(int $post): string
{
    return topic("comments/$post");
}

function text(string $html): string
{
    return trim(html_entity_decode(wp_strip_all_tags($html), ENT_QUOTES | ENT_HTML5, 'UTF-8'));
}

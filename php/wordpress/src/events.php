<?php
declare(strict_types=1);

namespace PushdLive;

/*
 * What browsers get. Whoever knows a topic may read it: only what the site shows to anybody goes into
 * an event, and all of it is plain text.
 */

/**
 * A post as an event; null if it is not for everybody.
 *
 * Its text is the excerpt that somebody wrote, if one was: what plugins keep from some visitors may
 * stand in the post itself.
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
    /** Changes what is published of a post, or keeps it from being published (null). */
    return apply_filters('pushd_live_post', $event, $post);
}

/** A comment as an event; null if it is not for everybody. */
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
    /** Changes what is published of a comment, or keeps it from being published (null). */
    return apply_filters('pushd_live_comment', $event, $comment);
}

/** Of a type that was chosen, published, and neither private nor behind a password. */
function is_public(\WP_Post $post): bool
{
    return in_array($post->post_type, settings()['types'], true)
        && isset(public_types()[$post->post_type])
        && $post->post_password === ''
        && is_post_publicly_viewable($post);
}

/** What somebody wrote on a post that is for everybody: it is public as soon as it is approved. */
function may_be_public(\WP_Comment $comment): bool
{
    $post = get_post((int) $comment->comment_post_ID);
    return in_array($comment->comment_type, ['', 'comment'], true) && $post instanceof \WP_Post && is_public($post);
}

/** Where the events of the comments on a post go. */
function comments_topic(int $post): string
{
    return topic("comments/$post");
}

function text(string $html): string
{
    return trim(html_entity_decode(wp_strip_all_tags($html), ENT_QUOTES | ENT_HTML5, 'UTF-8'));
}

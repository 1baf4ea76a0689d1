<?php
declare(strict_types=1);

namespace Blog;

// The only copy of the markup of articles and comments. With null it is the empty template that blog.js fills.

/**
 * @param list<array> $comments oldest first
 * @param ?CommentDraft $draft the text of the comment form, if it is for this article
 */
function article_html(?array $entry, array $comments = [], ?CommentDraft $draft = null): string
{
    $id = $entry === null ? '' : html($entry['id']);
    $anchor = $entry === null ? '' : " id=\"entry-$id\"";
    $title = html($entry['title'] ?? '');
    $text = html($entry['article'] ?? '');
    $author = html($entry['author'] ?? '');
    $time = time_html($entry);
    $shown_comments = implode('', array_map(comment_html(...), $comments));
    $token = html(token());
    $comment = $draft === null ? '' : html($draft->text);
    $private_choice = private_choice_html($entry['author'] ?? null, $draft?->is_private ?? false);
    $max = CommentDraft::TEXT_MAX;
    return <<<HTML
        <article class="entry"$anchor data-id="$id">
          <h2 dir="auto">$title</h2>
          <p class="by"><bdi class="author">$author</bdi> $time</p>
          <p class="text" dir="auto">$text</p>
          <ol class="comments" aria-label="Comments">$shown_comments</ol>
          <form class="comment" method="post" action="comment.php" accept-charset="utf-8">
            <input type="hidden" name="token" value="$token">
            <input type="hidden" name="entry" value="$id">
            <textarea name="text" required rows="1" maxlength="$max" dir="auto" aria-label="Comment" placeholder="Write a comment">
        $comment</textarea>
            <button>Comment</button>
            $private_choice
            <p class="said" role="status"></p>
          </form>
        </article>

        HTML;
}

/** Returns the box for a private comment. It is hidden if the author of the article can't be written to. */
function private_choice_html(?string $author, bool $is_chosen): string
{
    $hidden = can_write_privately($author) ? '' : ' hidden';
    $checked = $is_chosen ? ' checked' : '';
    $name = html($author ?? '');
    return <<<HTML
        <label class="private-choice"$hidden>
              <input type="checkbox" name="private" value="1"$checked> only for <bdi class="recipient">$name</bdi>
            </label>
        HTML;
}

function comment_html(?array $comment): string
{
    $id = $comment === null ? '' : html($comment['id']);
    $author = html($comment['author'] ?? GUEST);
    $text = html($comment['text'] ?? '');
    $time = time_html($comment);
    $hidden = $comment['private'] ?? false ? '' : ' hidden';
    return <<<HTML
        <li data-id="$id">
          <p class="by"><bdi class="author">$author</bdi> $time <span class="private"$hidden>private</span></p>
          <p class="comment-text" dir="auto">$text</p>
        </li>
        HTML;
}

/** @param ?array{when: int} $item an article or a comment */
function time_html(?array $item): string
{
    $when = $item === null ? '' : gmdate('Y-m-d\TH:i:s\Z', $item['when']);
    $shown = $item === null ? '' : gmdate('j M Y, H:i', $item['when']) . ' UTC';
    return "<time datetime=\"$when\">$shown</time>";
}

/** Returns the HTML of articles with their comments. */
function articles_html(array $entries, array $comments, ?CommentDraft $draft): string
{
    $of_entry = [];
    foreach ($comments as $comment) {
        $of_entry[$comment['entry']][] = $comment;
    }
    $markup = '';
    foreach ($entries as $entry) {
        $own_draft = $draft?->entry === $entry['id'] ? $draft : null;
        $markup .= article_html($entry, $of_entry[$entry['id']] ?? [], $own_draft);
    }
    return $markup;
}

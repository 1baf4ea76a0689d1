<?php
declare(strict_types=1);

namespace Blog;

require __DIR__ . '/article.php';
require __DIR__ . '/guide.php';
require __DIR__ . '/reader_bar.php';

const NO_NOTICE = ['kind' => '', 'text' => ''];

/**
 * @param ?Draft $draft the fields of the article form
 * @param array{kind: string, text: string} $notice
 * @param ?CommentDraft $comment the text of a comment form
 * @param string $name the name in the login form, and its error
 */
function show_page(
    string $category,
    ?Draft $draft = null,
    array $notice = NO_NOTICE,
    ?CommentDraft $comment = null,
    string $name = '',
    ?string $name_fault = null,
): void {
    $draft ??= Draft::blank($category);
    $reader = reader();
    $own_topic = ticket() === null ? '' : own_topic($reader);
    $token = token();
    $push_url = push_url();
    $since = position();
    $articles = articles_html(
        entries()->newest($category, SHOWN_MAX),
        comments()->newest($category, $reader, COMMENTS_MAX),
        $comment,
    );
    header('Content-Type: text/html; charset=utf-8');
    header('Content-Security-Policy: ' . content_security_policy($push_url));
    header('Cache-Control: private, no-cache');
    header('X-Content-Type-Options: nosniff');
    header('Referrer-Policy: same-origin');
    $current = fn (string $name): string => $name === $category ? ' aria-current="page"' : '';
    $selected = fn (string $name): string => $name === $draft->category ? ' selected' : '';
    $fault = fn (string $field): string => isset($draft->faults[$field])
        ? '<span class="fault" data-fault="' . $field . '">' . html($draft->faults[$field]) . '</span>' : '';
    ?>
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>The push blog</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%23e4572e'/%3E%3Cpath d='M9 23V9h8a5 5 0 0 1 0 10h-4v4z' fill='%23fff'/%3E%3C/svg%3E">
<link rel="stylesheet" href="style.css">
<script src="blog.js" type="module"></script>
</head>
<body data-push-url="<?= html($push_url) ?>" data-category="<?= html($category) ?>" data-since="<?= html($since ?? '') ?>" data-shown-max="<?= SHOWN_MAX ?>" data-comments-max="<?= COMMENTS_MAX ?>" data-reader="<?= html($reader ?? '') ?>" data-own-topic="<?= html($own_topic) ?>">

<header class="top">
  <h1>The push blog</h1>
  <p id="state" data-state="off" role="status"><span class="dot"></span> <span class="words">not live</span></p>
  <a class="to-write" href="#write">Write</a>
</header>

<?= reader_bar_html($category, $name, $name_fault) ?>
<div class="news" role="status"><ul id="news" aria-label="News for you"></ul></div>

<?php if (!can_push()): ?>
<p id="push-off">Push is off: this PHP has no <code>pusher</code> extension. Articles are stored,
and readers see them when they load the page.</p>
<?php endif ?>

<?= guide_html($category, $push_url, $reader !== null) ?>

<main>
  <section class="read" aria-label="Articles">
    <nav id="categories" aria-label="Category">
<?php foreach (CATEGORIES as $name => $label): ?>
      <a href="?category=<?= html($name) ?>" data-category="<?= html($name) ?>"<?= $current($name) ?>><?= html($label) ?></a>
<?php endforeach ?>
    </nav>
    <p id="present" role="status" hidden></p>
    <div id="entries" aria-live="polite" aria-relevant="additions">
<?= $articles ?>
    </div>
    <p id="empty">Nothing here yet. Write the first article, or wait until somebody does.</p>
    <template id="entry-template"><?= article_html(null) ?></template>
    <template id="comment-template"><?= comment_html(null) ?></template>
  </section>

  <section class="write" aria-label="Write">
    <form id="write" method="post" action="./?category=<?= html($category) ?>" accept-charset="utf-8">
      <h2>Write</h2>
      <input type="hidden" name="token" value="<?= html($token) ?>">
      <label for="category">Category</label>
      <select id="category" name="category">
<?php foreach (CATEGORIES as $name => $label): ?>
        <option value="<?= html($name) ?>"<?= $selected($name) ?>><?= html($label) ?></option>
<?php endforeach ?>
      </select>
      <?= $fault('category') ?>

      <label for="title">Title</label>
      <input id="title" name="title" required maxlength="<?= Draft::TITLE_MAX ?>" autocomplete="off" dir="auto" value="<?= html($draft->title) ?>">
      <?= $fault('title') ?>

      <label for="article">Article</label>
      <textarea id="article" name="article" required rows="6" maxlength="<?= Draft::ARTICLE_MAX ?>" dir="auto">
<?= html($draft->article) ?></textarea>
      <?= $fault('article') ?>

      <button id="post">Post</button>
      <p id="notice" role="status" data-kind="<?= html($notice['kind']) ?>"><?= html($notice['text']) ?></p>
    </form>
  </section>
</main>

</body>
</html>
    <?php
}

<?php
declare(strict_types=1);

namespace Blog;

/** Returns an article's HTML. Null returns the empty template that blog.js fills, so this is the only copy of the markup. */
function article_html(?array $entry): string
{
    $id = $entry === null ? '' : html($entry['id']);
    $when = $entry === null ? '' : gmdate('Y-m-d\TH:i:s\Z', $entry['when']);
    $shown = $entry === null ? '' : gmdate('j M Y, H:i', $entry['when']) . ' UTC';
    $title = html($entry['title'] ?? '');
    $text = html($entry['article'] ?? '');
    return <<<HTML
        <article class="entry" data-id="$id">
          <h2 dir="auto">$title</h2>
          <time datetime="$when">$shown</time>
          <p class="text" dir="auto">$text</p>
        </article>

        HTML;
}

/** @param array{kind: string, text: string} $notice */
function show_page(string $category, Draft $draft, array $notice): void
{
    $token = token();
    $push_url = push_url();
    $since = position();
    $stored = entries()->newest($category, SHOWN_MAX);
    header('Content-Type: text/html; charset=utf-8');
    header('Content-Security-Policy: ' . content_security_policy($push_url));
    header('Cache-Control: no-cache');
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
<script src="blog.js" defer></script>
</head>
<body data-push-url="<?= html($push_url) ?>" data-category="<?= html($category) ?>" data-since="<?= html($since ?? '') ?>" data-shown-max="<?= SHOWN_MAX ?>">

<header class="top">
  <h1>The push blog</h1>
  <p id="state" data-state="off" role="status"><span class="dot"></span> <span class="words">not live</span></p>
</header>

<?php if (!can_push()): ?>
<p id="push-off">Push is off: this PHP has no <code>pusher</code> extension. Articles are stored,
and readers see them when they load the page.</p>
<?php endif ?>

<main>
  <section class="read" aria-label="Articles">
    <nav id="categories" aria-label="Category">
<?php foreach (CATEGORIES as $name => $label): ?>
      <a href="?category=<?= html($name) ?>" data-category="<?= html($name) ?>"<?= $current($name) ?>><?= html($label) ?></a>
<?php endforeach ?>
    </nav>
    <div id="entries" aria-live="polite" aria-relevant="additions">
<?= implode('', array_map(article_html(...), $stored)) ?>
    </div>
    <p id="empty">Nothing here yet. Write the first article, or wait until somebody does.</p>
    <template id="entry-template"><?= article_html(null) ?></template>
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

<a class="to-write" href="#write">Write</a>
</body>
</html>
    <?php
}

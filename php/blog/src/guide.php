<?php
declare(strict_types=1);

namespace Blog;

/**
 * Returns the panel with the things that a visitor can try, and the lines of code behind them. A real site has no such
 * panel: without this file, guide.js and cut.js, the blog works the same.
 */
function guide_html(string $category, string $push_url, bool $is_logged_in): string
{
    [$category, $query] = [html($category), html(http_build_query(['category' => $category]))];
    $page_lines = page_lines_html($category, html($push_url));
    $log_in = $is_logged_in
        ? 'You are logged in here. Log in under another name in the second window.'
        : '<a href="#name">Log in</a> in both windows, under two names.';
    return <<<HTML
        <details class="guide" open>
          <summary>See it in two minutes</summary>
          <ol>
            <li>
              <h2>Two windows</h2>
              <p><a id="second-window" href="./?$query" target="_blank" rel="noopener">Open a second window</a>, and post in
              one of them. The other shows the article at once.</p>
              <p id="other-reader" hidden>The second window is another visitor: log in there under another name.</p>
            </li>
            <li>
              <h2>A lost connection</h2>
              <p>This page closes its socket, and three articles are posted meanwhile. It has them as soon as it is back.</p>
              <p><button type="button" id="cut" disabled>Cut the connection</button></p>
              <p id="cut-report" role="status"></p>
            </li>
            <li>
              <h2>Who is here</h2>
              <p id="who">$log_in Each window shows who reads this category, and who leaves.</p>
            </li>
            <li>
              <h2>A private comment</h2>
              <p>Comment on the other reader's article, <em>only for</em> its author. It appears in the author's window and
              yours, and in no other.</p>
            </li>
          </ol>
          $page_lines
        </details>
        HTML;
}

/** Returns the lines that a site adds. */
function page_lines_html(string $category, string $push_url): string
{
    return <<<HTML
        <div class="lines">
            <div>
              <p>On the site, where it stores an article:</p>
              <pre><code>Pusher::publish('<span class="topic">$category</span>', \$entry);</code></pre>
            </div>
            <div>
              <p>In the page:</p>
              <pre><code>&lt;script src="$push_url/pusher.js"&gt;&lt;/script&gt;
        &lt;script&gt;new Pusher().subscribe('<span class="topic">$category</span>', show);&lt;/script&gt;</code></pre>
            </div>
          </div>
        HTML;
}

<?php
declare(strict_types=1);

namespace Blog;

/** Returns the line below the title: the login form, or the reader's name and the logout form. */
function reader_bar_html(string $category, string $name, ?string $fault): string
{
    $reader = reader();
    $hidden = '<input type="hidden" name="token" value="' . html(token()) . '">'
        . '<input type="hidden" name="category" value="' . html($category) . '">';
    $fault_html = $fault === null ? '' : '<p class="fault" data-fault="name">' . html($fault) . '</p>';
    if ($reader === null) {
        return login_form_html($hidden, $name) . $fault_html;
    }
    $shown_name = html($reader);
    return <<<HTML
        <form id="logout" class="bar" method="post" action="logout.php">
          $hidden
          <p>Logged in as <bdi id="me">$shown_name</bdi></p>
          <button>Log out</button>
        </form>
        $fault_html
        HTML;
}

function login_form_html(string $hidden, string $name): string
{
    $value = html($name);
    $max = NAME_MAX;
    return <<<HTML
        <form id="login" class="bar" method="post" action="login.php" accept-charset="utf-8">
          $hidden
          <label for="name">Your name</label>
          <input id="name" name="name" required maxlength="$max" autocomplete="nickname" dir="auto" value="$value">
          <button>Log in</button>
          <p class="hint">This is a demo: there is no password, and anybody may take any name.</p>
        </form>
        HTML;
}

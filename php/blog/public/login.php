<?php
declare(strict_types=1);

namespace Blog;

// POST login.php: name, token, category. Logs in and goes back to the page.

require __DIR__ . '/../src/setup.php';
require __DIR__ . '/../src/page.php';

[$category, $name] = [posted_category(), line($_POST, 'name')];
// The form of another site could log a reader in under a name that its owner watches.
$fault = is_own_form($_POST) ? name_fault($name) : OLD_FORM;
if ($fault !== null) {
    http_response_code(is_own_form($_POST) ? 422 : 403);
    show_page($category, name: $name, name_fault: $fault);
    exit;
}
log_out();
log_in($name);
go_back($category);

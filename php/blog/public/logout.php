<?php
declare(strict_types=1);

namespace Blog;

// POST logout.php: token, category. Logs out in all tabs and goes back to the page.

require __DIR__ . '/../src/setup.php';
require __DIR__ . '/../src/page.php';

$category = posted_category();
if (!is_own_form($_POST)) {
    http_response_code(403);
    show_page($category, name_fault: OLD_FORM);
    exit;
}
log_out();
go_back($category);

<?php
/**
 * Plugin Name:       Pushd Live
 * Description:       Shows new posts and comments in open pages at the moment when they become public.
 * Version:           0.1.0
 * Requires at least: 5.9
 * Requires PHP:      8.1
 * License:           MIT OR Apache-2.0
 * Text Domain:       pushd-live
 */

declare(strict_types=1);

namespace PushdLive;

defined('ABSPATH') || exit;

const FILE = __FILE__;
const VERSION = '0.1.0';

// The plain PHP classes. If the extension is loaded, this file does not define them.
require_once __DIR__ . '/pusher/pusher.php';
require_once __DIR__ . '/src/settings.php';
require_once __DIR__ . '/src/events.php';
require_once __DIR__ . '/src/publishing.php';
require_once __DIR__ . '/src/feed.php';
require_once __DIR__ . '/src/catching-up.php';

if (is_admin()) {
    require_once __DIR__ . '/src/settings-page.php';
    add_settings_page();
}
publish_what_is_public();
show_feeds();
serve_entries();

<?php
declare(strict_types=1);

defined('WP_UNINSTALL_PLUGIN') || exit;

foreach (is_multisite() ? get_sites(['fields' => 'ids', 'number' => 0]) : [get_current_blog_id()] as $site) {
    is_multisite() && switch_to_blog((int) $site);
    delete_option('pushd_live');
    delete_option('pushd_live_failure');
    delete_option('pushd_live_spooled');
    is_multisite() && restore_current_blog();
}

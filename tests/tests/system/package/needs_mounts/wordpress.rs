//! The packages of the plain PHP classes and of the WordPress plugin, with Debian's WordPress.

use super::*;

/// The configuration of a site, as in Debian's README of WordPress.
const CONFIGURATION: &str = "<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', 'secret');
define('DB_HOST', 'localhost');
define('WP_CONTENT_DIR', '/var/lib/wordpress/wp-content');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
";

const DATABASE: &str = "CREATE DATABASE wordpress; \
    CREATE USER wordpress@localhost IDENTIFIED BY 'secret'; \
    GRANT ALL ON wordpress.* TO wordpress@localhost";

/// Runs a script in WordPress, as the web server's user.
#[track_caller]
fn in_wordpress(machine: &Machine, before: &str, script: &str) -> String {
    let text = format!(
        "<?php
        $_SERVER += ['HTTP_HOST' => 'localhost', 'SERVER_NAME' => 'localhost', 'REQUEST_METHOD' => 'GET'];
        {before}
        require '/usr/share/wordpress/wp-load.php';
        require_once ABSPATH . 'wp-admin/includes/admin.php';
        {script}"
    );
    fs::write(machine.path("/var/tmp/script.php"), text).unwrap();
    machine.sh(&format!("{AS_WEB_SERVER} /usr/bin/php /var/tmp/script.php"))
}

#[test]
fn debians_wordpress_finds_and_activates_the_plugin() {
    let machine = Machine::with_systemd();
    machine.sh("ip link set lo up");
    let packages = ["pushd_", "php-pushd-pusher_", "wordpress-pushd-live_"];
    install(&machine, &packages.map(deb));
    machine.sh("systemctl start mariadb");
    machine.sh(&format!("mariadb --execute \"{DATABASE}\""));
    let configuration = machine.path("/etc/wordpress/config-localhost.php");
    fs::write(configuration, CONFIGURATION).unwrap();
    in_wordpress(
        &machine,
        "define('WP_INSTALLING', true);",
        "require_once ABSPATH . 'wp-admin/includes/upgrade.php';
        wp_install('Kittens', 'admin', 'admin@example.com', false, '', 'secret');",
    );
    let activate = "
        $error = activate_plugin('pushd-live/pushd-live.php');
        echo is_wp_error($error) ? $error->get_error_message() : 'active';";
    assert_eq!(in_wordpress(&machine, "", activate), "active");
    let publish = "echo Pusher::publish('t', 1)->subscribers, ' ', (new ReflectionClass('Pusher'))->getFileName();";
    assert_eq!(
        in_wordpress(&machine, "", publish),
        "0 /usr/share/php/Pushd/Pusher/Pusher.php",
        "with the classes of the other package"
    );
    machine.sh("apt-get purge -y wordpress-pushd-live php-pushd-pusher");
    let left = machine.sh("find /usr/share/wordpress /var/lib/wordpress /usr/share/php -name '*ush*d*' -newer /var/tmp/script.php");
    assert_eq!(left, "");
}

#[test]
fn a_script_loads_the_classes_by_debians_include_path() {
    let machine = Machine::bare();
    install(&machine, &[deb("php-pushd-pusher_")]);
    let script = "require 'Pushd/Pusher/autoload.php';
        try { Pusher::publish('t', 1); } catch (PusherException $e) { echo $e->getMessage(); }";
    let said = machine.sh(&format!(
        "/usr/bin/php -d pusher.on_failure=exception -d pusher.address=tcp://127.0.0.1:1 -r \"{}\"",
        script.replace('$', "\\$")
    ));
    assert!(
        said.contains("can't connect to tcp://127.0.0.1:1"),
        "{said}"
    );
}

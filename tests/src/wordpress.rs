//! Debian's WordPress in Apache, with the plugin, and the actions of its administrator.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use xtask::apache::Apache;
use xtask::http;

use crate::browser::Page;
use crate::mariadb::MariaDb;
use crate::php::{Application, Php};
use crate::{program, workspace};

/// Debian's folder of WordPress.
const SOURCE: &str = "/usr/share/wordpress";
/// The plugin's folder in WordPress.
const PLUGIN: &str = "wp-content/plugins/pushd-live";
const PASSWORD: &str = "correct horse battery staple";
/// Code of the site: it withholds posts with "quiet", and breaks those with "broken". Pages have no pictures of other
/// hosts, because they would wait for name servers.
const FILTERS: &str = r#"<?php
add_filter('pre_option_show_avatars', '__return_zero');
add_filter('pushd_live_post', fn (array $event): ?array => match ($event['title']) {
    'quiet' => null,
    'broken' => ['text' => "\xff"] + $event,
    default => $event,
});
// Publishes on another site of the network, and prints a line when it is done.
if (isset($_GET['elsewhere']) && is_multisite()) {
    add_action('init', function (): void {
        switch_to_blog(2);
        $id = wp_insert_post(['post_title' => 'elsewhere', 'post_status' => 'publish']);
        restore_current_blog();
        add_action('shutdown', fn () => print("<p id=elsewhere>$id</p>"), 200);
    });
}
"#;
/// Code that makes a network of the site for requests with the cookie: this site, and another one with the same
/// tables.
const NETWORK: &str = "
CREATE TABLE wp_site (id BIGINT PRIMARY KEY, domain VARCHAR(200), path VARCHAR(100));
CREATE TABLE wp_sitemeta (meta_id BIGINT AUTO_INCREMENT PRIMARY KEY, site_id BIGINT, meta_key VARCHAR(255), meta_value LONGTEXT);
CREATE TABLE wp_blogmeta (meta_id BIGINT AUTO_INCREMENT PRIMARY KEY, blog_id BIGINT, meta_key VARCHAR(255), meta_value LONGTEXT);
CREATE TABLE wp_blogs (blog_id BIGINT PRIMARY KEY, site_id BIGINT, domain VARCHAR(200), path VARCHAR(100),
    registered DATETIME DEFAULT NOW(), last_updated DATETIME DEFAULT NOW(), public INT DEFAULT 1, archived INT DEFAULT 0,
    mature INT DEFAULT 0, spam INT DEFAULT 0, deleted INT DEFAULT 0, lang_id INT DEFAULT 0);
INSERT INTO wp_site VALUES (1, '{host}', '/');
INSERT INTO wp_blogs (blog_id, site_id, domain, path) VALUES (1, 1, '{host}', '/'), (2, 1, '{host}', '/two/');
CREATE TABLE wp_2_posts LIKE wp_posts; CREATE TABLE wp_2_postmeta LIKE wp_postmeta;
CREATE TABLE wp_2_comments LIKE wp_comments; CREATE TABLE wp_2_commentmeta LIKE wp_commentmeta;
CREATE TABLE wp_2_terms LIKE wp_terms; CREATE TABLE wp_2_termmeta LIKE wp_termmeta;
CREATE TABLE wp_2_term_taxonomy LIKE wp_term_taxonomy; CREATE TABLE wp_2_term_relationships LIKE wp_term_relationships;
CREATE TABLE wp_2_options LIKE wp_options; INSERT INTO wp_2_options SELECT * FROM wp_options;
";
/// Time limit for copying its 70 MB.
const COPY_MS: u64 = 60_000;

/// A running, newly installed site.
#[derive(Debug)]
pub struct WordPress {
    // Declared before the database: Apache stops first.
    apache: Apache,
    /// Its database.
    pub database: MariaDb,
}

impl WordPress {
    /// Installs WordPress, with the plugin's files in place. The plugin is not active yet.
    #[track_caller]
    pub fn start(php: &Php) -> Self {
        let files = Application::of(&[]);
        copy(Path::new(SOURCE), files.path());
        let plugin = workspace().root.join("php/wordpress");
        copy(&plugin, &files.path().join(PLUGIN));
        Self::start_with(php, &files)
    }

    /// Installs WordPress without the plugin.
    #[track_caller]
    pub fn start_without_plugin(php: &Php) -> Self {
        let files = Application::of(&[]);
        copy(Path::new(SOURCE), files.path());
        Self::start_with(php, &files)
    }

    #[track_caller]
    fn start_with(php: &Php, files: &Application) -> Self {
        let database = MariaDb::start();
        fs::remove_file(files.path().join("wp-config.php")).expect("Debian's configuration");
        fs::write(
            files.path().join("wp-config.php"),
            configuration(&database.socket()),
        )
        .expect("a file can be written");
        let own = files.path().join("wp-content/mu-plugins");
        fs::create_dir(&own).expect("a folder can be made");
        fs::write(own.join("filters.php"), FILTERS).expect("a file can be written");
        let apache = php.apache(files.path(), "", &[]);
        let site = Self { apache, database };
        site.install();
        site
    }

    #[track_caller]
    fn install(&self) {
        let form = format!(
            "weblog_title=Kittens&user_name=admin&admin_password={0}&admin_password2={0}&pw_weak=1\
             &admin_email=admin%40example.com&blog_public=0&Submit=Install",
            PASSWORD.replace(' ', "+")
        );
        let answer = http::post(self.apache.address, "/wp-admin/install.php?step=2", &form)
            .expect("Apache answers");
        assert!(
            answer.text().contains("Success!"),
            "WordPress is not installed: {}",
            answer.text()
        );
    }

    /// Makes the site the first one of a network, for browsers with the cookie `network`.
    #[track_caller]
    pub fn join_network(&self) {
        let host = self.address().to_string();
        self.database.query(&NETWORK.replace("{host}", &host));
    }

    /// Returns the port of Apache.
    pub fn address(&self) -> SocketAddr {
        self.apache.address
    }

    /// Returns the address of a page.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.apache.address)
    }

    /// Returns the site's name in topics.
    pub fn topic(&self, rest: &str) -> String {
        format!("{}/{rest}", self.apache.address)
    }

    /// Returns PHP's log.
    pub fn log(&self) -> String {
        self.apache.log()
    }

    /// Logs in as the administrator.
    #[track_caller]
    pub fn log_in(&self, page: &mut Page) {
        page.go(&self.url("/wp-login.php"));
        // The page moves the focus there 200 ms after it has loaded. Before that, the password could go there, too.
        page.wait_for("document.activeElement === document.querySelector('#user_login')");
        page.fill("#user_login", "admin");
        page.fill("#user_pass", PASSWORD);
        page.click("#wp-submit");
        page.wait_for("document.querySelector('#wpadminbar') !== null");
    }
}

/// Sends a request to the REST interface from a page of the administrator, as the editor does, with `data` unless it
/// is null. Returns the answer, which must be a success.
#[track_caller]
pub fn rest(page: &mut Page, method: &str, path: &str, data: &Value) -> Value {
    let answer = page.evaluate(&format!(
        "(async () => {{
            const nonce = await (await fetch('/wp-admin/admin-ajax.php?action=rest-nonce')).text();
            const answer = await fetch('/?rest_route={path}', {{
                method: '{method}',
                headers: {{'X-WP-Nonce': nonce, 'Content-Type': 'application/json'}},
                body: {body},
            }});
            return {{ok: answer.ok, body: await answer.text()}};
        }})()",
        body = match data {
            Value::Null => "undefined".to_owned(),
            data => json!(data.to_string()).to_string(),
        },
    ));
    let body = answer["body"].as_str().unwrap_or_default();
    assert_eq!(answer["ok"], json!(true), "{method} {path}: {body}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{method} {path}: {error}: {body}"))
}

// Follows links, because parts of Debian's WordPress, and of the plugin, are elsewhere.
#[track_caller]
fn copy(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    command.arg("-rLT").args([from, to]);
    program::run(&mut command, COPY_MS).success();
}

fn configuration(socket: &Path) -> String {
    format!(
        "<?php
define('DB_NAME', '{database}');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4');
define('AUTH_KEY', 'test');
define('SECURE_AUTH_KEY', 'test');
define('LOGGED_IN_KEY', 'test');
define('NONCE_KEY', 'test');
// Blocks requests to other machines, and background tasks.
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('FS_METHOD', 'direct');
define('WP_DEBUG', true);
define('WP_DEBUG_DISPLAY', false);
if (isset($_COOKIE['network'])) {{
    define('MULTISITE', true);
    define('SUBDOMAIN_INSTALL', false);
    define('DOMAIN_CURRENT_SITE', $_SERVER['HTTP_HOST']);
    define('PATH_CURRENT_SITE', '/');
    define('SITE_ID_CURRENT_SITE', 1);
    define('BLOG_ID_CURRENT_SITE', 1);
}}
$table_prefix = 'wp_';
require __DIR__ . '/wp-settings.php';
",
        database = MariaDb::DATABASE,
        socket = socket.display(),
    )
}

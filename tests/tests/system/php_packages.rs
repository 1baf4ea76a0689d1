//! The packages that PHP sites install: the composer package with the fallback, and the extension as PIE builds it.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use system_tests::daemon::Daemon;
use system_tests::php::{Application, Fpm, Php, Server};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program, workspace};
use xtask::http;

/// Time limit. The extension is built in its own target folder.
const BUILD_MS: u64 = 600_000;
/// Time limit for composer, which starts slowly.
const COMPOSER_MS: u64 = 60_000;

/// Runs composer in `project`, without a network and without the user's configuration.
#[track_caller]
pub(super) fn composer(project: &Path, words: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("composer");
    command
        .args(words)
        .args(["--no-interaction", "--no-ansi"])
        .current_dir(project)
        .env("COMPOSER_HOME", home.path())
        .env("COMPOSER_ALLOW_SUPERUSER", "1")
        .env("COMPOSER_DISABLE_NETWORK", "1");
    let ended = program::run(&mut command, COMPOSER_MS);
    assert!(ended.status.success(), "{}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// A site that requires the package, and has `script.php`.
#[track_caller]
fn site_with_package(script: &str) -> Application {
    let manifest = json!({
        "require": {"pushd/pusher": "@dev"},
        "repositories": [
            {"packagist.org": false},
            {"type": "path", "url": workspace().root.join("php"), "options": {"symlink": false}},
        ],
    });
    let site = Application::of(&[
        ("composer.json", &manifest.to_string()),
        ("script.php", script),
    ]);
    composer(site.path(), &["install", "--no-dev"]);
    site
}

#[test]
fn composer_installs_the_fallback() {
    let site = site_with_package(
        "<?php require __DIR__ . '/vendor/autoload.php';
         pusher_configure(['on_failure' => 'exception']);
         var_dump(extension_loaded('pusher'), Pusher::publish('kittensCategory', ['title' => '新しい子猫'])->subscribers);",
    );
    composer(
        &workspace().root.join("php"),
        &["validate", "--strict", "--no-check-lock"],
    );
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "kittensCategory");
    for (php, loaded) in [
        (
            Php::plain().set("pusher.address", daemon.push_address()),
            "false",
        ),
        (Php::with_extension(daemon.push_address()), "true"),
    ] {
        let mut command = php.command();
        command.arg(site.path().join("script.php"));
        let printed = program::run(&mut command, WAIT_MS).success();
        assert_eq!(printed, format!("bool({loaded})\nint(1)\n"));
        assert_eq!(
            browser.event("kittensCategory"),
            json!({"title": "新しい子猫"})
        );
    }
}

#[test]
fn a_page_does_not_wait_for_deferred_events() {
    let site = Application::of(&[(
        "page.php",
        "<?php require __DIR__ . '/src/pusher.php';
         Pusher::defer('t', 'later');
         echo 'the page';",
    )]);
    site.copy_in(&workspace().root.join("php/src"));
    let mut daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    // While the daemon is stopped, a publish would wait for ten minutes.
    let php = Php::plain()
        .set("pusher.address", daemon.push_address())
        .set("pusher.timeout_ms", 600_000);
    let fpm = Fpm::start(&php, 1);
    daemon.freeze();
    let page = fpm.get(&site.path().join("page.php"), "");
    assert!(page.ends_with("the page"), "{page}");
    daemon.thaw();
    assert_eq!(browser.event("t"), json!("later"));
}

/// By default, a reload of FPM ends its workers at once.
#[test]
fn a_graceful_reload_of_fpm_loses_no_deferred_event() {
    let site = Application::of(&[(
        "page.php",
        "<?php extension_loaded('pusher') || require __DIR__ . '/src/pusher.php';
         Pusher::defer('t', extension_loaded('pusher') ? 'extension' : 'fallback');
         echo 'the page';",
    )]);
    site.copy_in(&workspace().root.join("php/src"));
    let mut daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    for (php, event) in [
        (
            Php::plain().set("pusher.address", daemon.push_address()),
            "fallback",
        ),
        (Php::with_extension(daemon.push_address()), "extension"),
    ] {
        let php = php.set("pusher.timeout_ms", 600_000);
        let mut fpm = Fpm::start_with(&php, 1, "process_control_timeout = 60s\n");
        daemon.freeze();
        let page = fpm.get(&site.path().join("page.php"), "");
        assert!(page.ends_with("the page"), "{page}");
        // The worker waits for the daemon's answer.
        fpm.process.signal(Signal::SIGUSR2);
        fpm.wait_for_log("Reloading in progress");
        daemon.thaw();
        assert_eq!(browser.event("t"), json!(event));
    }
}

#[test]
fn one_page_waits_and_the_next_pages_do_not() {
    let site = Application::of(&[
        ("index.html", "here"),
        (
            "page.php",
            &format!(
                "<?php require '{}';
                 try {{ Pusher::publish('t', 1); }} catch (PusherException $e) {{ echo $e->getMessage(); }}",
                workspace().root.join("php/src/pusher.php").display()
            ),
        ),
    ]);
    let mut daemon = Daemon::start();
    let php = Php::plain()
        .set("pusher.address", daemon.push_address())
        .set("pusher.on_failure", "exception")
        .set("pusher.retry_ms", 3_600_000);
    let server = Server::start(&php, site.path(), &[]);
    let page = || http::get(server.address, "/page.php").unwrap().text();
    assert_eq!(page(), "");
    daemon.freeze();
    assert!(page().starts_with("timeout at tcp://127.0.0.1:"));
    let next = page();
    assert!(
        next.starts_with("not tried, the next attempt is in 3"),
        "{next}"
    );
    daemon.thaw();
}

/// Both processes are number 1, each in its own PID namespace. Prints whether the child has its own connection, and
/// then the number of browsers that got the parent's publish.
const FORKS_INTO_A_NAMESPACE: &str = r#"
    function sockets(): array
    {
        $files = array_map(fn ($file) => (string) @readlink($file), glob('/proc/self/fd/*'));
        return array_filter($files, fn ($file) => str_starts_with($file, 'socket:'));
    }

    function first_of_a_namespace(callable $body): void
    {
        @pcntl_unshare(CLONE_NEWPID) || pcntl_unshare(CLONE_NEWUSER | CLONE_NEWPID) || exit('no namespace');
        $child = pcntl_fork();
        if ($child === 0) {
            getmypid() === 1 || exit('not number 1');
            $body();
            exit;
        }
        pcntl_waitpid($child, $status);
    }

    first_of_a_namespace(function () {
        Pusher::publish('t', 1);
        Pusher::defer('t', 'once');
        first_of_a_namespace(function () {
            $inherited = sockets();
            Pusher::publish('t', 2);
            echo array_intersect($inherited, sockets()) === [] ? 'its own' : 'the same';
        });
        echo ', ', Pusher::publish('t', 3)->subscribers;
    });
"#;

mod needs_namespaces {
    use super::*;

    #[test]
    fn a_child_with_its_parents_process_number_has_its_own_connection() {
        let daemon = Daemon::start();
        let mut browser = Wamp::subscribed(daemon.web, "t");
        let fallback = workspace().root.join("php/src/pusher.php");
        let fallback = Php::plain()
            .set("auto_prepend_file", fallback.display())
            .set("pusher.address", daemon.push_address());
        let script = Application::of(&[("script.php", &format!("<?php {FORKS_INTO_A_NAMESPACE}"))]);
        for php in [fallback, Php::with_extension(daemon.push_address())] {
            let mut command = php.set("pusher.timeout_ms", WAIT_MS).command();
            command.arg(script.path().join("script.php"));
            let printed = program::run(&mut command, WAIT_MS).success();
            assert_eq!(printed, "its own, 1");
            for event in [json!(1), json!(2), json!(3), json!("once")] {
                assert_eq!(browser.event("t"), event);
            }
        }
    }
}

#[test]
fn phpize_configure_and_make_build_the_extension() {
    let source = workspace().root.join("crates/pusher-php");
    // A copy, because these commands leave dozens of files beside config.m4.
    let copy = tempfile::tempdir().unwrap();
    let folder = copy.path().join("phpize");
    fs::create_dir(&folder).unwrap();
    for name in ["config.m4", "Makefile.frag"] {
        fs::copy(source.join("phpize").join(name), folder.join(name)).unwrap();
    }
    let with_source = format!("--with-pusher-source={}", source.display());
    let target = format!(
        "PUSHER_TARGET={}",
        workspace().target.join("phpize").display()
    );
    let install_root = format!("INSTALL_ROOT={}", copy.path().join("root").display());
    for (name, words) in [
        ("phpize8.2", vec![]),
        (
            "./configure",
            vec!["--with-php-config=php-config8.2", &with_source],
        ),
        ("make", vec![target.as_str()]),
        ("make", vec!["install", &target, &install_root]),
    ] {
        let mut command = Command::new(name);
        command.args(words).current_dir(&folder);
        program::run(&mut command, BUILD_MS).success();
    }
    let built = folder.join("modules/pusher.so");
    assert!(built.is_file());
    let installed = Php::plain().print("echo PHP_EXTENSION_DIR, '/pusher.so';");
    let installed = copy.path().join("root").join(&installed[1..]);
    let daemon = Daemon::start();
    let php = Php::plain()
        .set("extension", installed.display())
        .set("pusher.address", daemon.push_address());
    assert_eq!(php.print("echo Pusher::publish('t', 1)->subscribers;"), "0");
}

#[test]
fn pies_options_match_configure() {
    let folder = workspace().root.join("crates/pusher-php");
    let manifest = fs::read_to_string(folder.join("composer.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let extension = &manifest["php-ext"];
    assert_eq!(
        (&manifest["type"], &extension["extension-name"]),
        (&json!("php-ext"), &json!("pusher"))
    );
    let build_path = folder.join(extension["build-path"].as_str().unwrap());
    let configuration = fs::read_to_string(build_path.join("config.m4")).unwrap();
    for option in extension["configure-options"].as_array().unwrap() {
        let flag = format!("--{}=", option["name"].as_str().unwrap());
        assert!(configuration.contains(&flag), "{flag}");
    }
    // Composer cannot hold two packages with the same name.
    let library = fs::read_to_string(workspace().root.join("php/composer.json")).unwrap();
    let library: Value = serde_json::from_str(&library).unwrap();
    assert_ne!(manifest["name"], library["name"]);
}

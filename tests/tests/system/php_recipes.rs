//! The recipes of php/README.md: every block of code is checked, and executed if possible.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use system_tests::daemon::Daemon;
use system_tests::document::blocks;
use system_tests::php::{Application, Php, Server};
use system_tests::recipes::{parse_javascript, parse_php};
use system_tests::tickets::write_keys;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, artefact, program, workspace};
use xtask::http;

/// Minimal replacements for the parts of Laravel that the recipes use.
const LARAVEL: &str = r#"<?php
namespace Illuminate\Support {
    abstract class ServiceProvider { public function __construct(protected $app) {} }
}
namespace Illuminate\Contracts\Queue {
    interface ShouldQueue {}
}
namespace App\Models {
    final class Entry {
        public static function latest(): self { return new self(); }
        public function limit(int $count): self { return $this; }
        public function get(): array { return []; }
    }
}
namespace App\Events {
    final class EntryStored { public function __construct(public readonly object $entry) {} }
}
namespace {
    final class Application {
        private array $made = [];
        public function singleton(string $class, callable $make): void { $this->made[$class] = $make(); }
        public function make(string $class): object { return $this->made[$class]; }
    }
    final class Entry {
        public string $category = 'kittensCategory';
        public int $id = 7;
        public function toArray(): array { return ['title' => 'by Laravel']; }
    }
    function env(string $name, mixed $default): mixed { return getenv($name) ?: $default; }
    function config(string $path): mixed {
        static $config = null;
        $config ??= ['services' => require __DIR__ . '/services.php'];
        return array_reduce(explode('.', $path), fn ($value, $name) => $value[$name], $config);
    }
    function rescue(callable $call): mixed {
        try { return $call(); } catch (Throwable $reported) { return null; }
    }
    function view(string $name, array $data): array { return $data; }
    require __DIR__ . '/PushServiceProvider.php';
    require __DIR__ . '/PushEntry.php';
    require __DIR__ . '/EntryController.php';
    $application = new Application();
    (new App\Providers\PushServiceProvider($application))->register();
    $listener = new App\Listeners\PushEntry($application->make(Pusher::class));
    // Twice, like a queue that retries.
    $listener->handle(new App\Events\EntryStored(new Entry()));
    $listener->handle(new App\Events\EntryStored(new Entry()));
    $page = (new App\Http\Controllers\EntryController())->index($application->make(Pusher::class));
    echo json_encode($page['since']);
}
"#;

const DOCUMENT: &str = "php/README.md";

/// Returns a PHP file with the block that begins with this comment.
#[track_caller]
fn file(name: &str) -> String {
    let found = blocks(DOCUMENT)
        .into_iter()
        .find(|block| block.path() == Some(name));
    found.expect(name).file()
}

#[track_caller]
fn lint(command: &mut Command) {
    program::run(command, WAIT_MS).success();
}

#[test]
fn every_block_parses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("block");
    let blocks = blocks(DOCUMENT);
    assert!(blocks.len() > 10, "the recipes are gone");
    for block in blocks {
        fs::write(&path, &block.code).unwrap();
        match block.language.as_str() {
            "php" => parse_php(&block),
            "sh" => lint(Command::new("sh").arg("-n").arg(&path)),
            "js" => parse_javascript(&block),
            "json" => drop(serde_json::from_str::<Value>(&block.code).expect("JSON")),
            "ini" => {
                let read = "exit(parse_ini_file($argv[1]) === false ? 1 : 0);";
                lint(Php::plain().command().args(["-r", read]).arg(&path));
            }
            "toml" => {
                let keys = write_keys(folder.path());
                let mut pushd = Command::new(artefact("pushd"));
                pushd.arg("--check").arg("--config").arg(&path);
                lint(pushd.arg("--ticket-key-file").arg(keys));
            }
            "html" | "text" => {}
            other => panic!("no check for {other}"),
        }
    }
}

#[test]
fn the_first_lines_publish() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "kittensCategory");
    let first = blocks(DOCUMENT).remove(0).code;
    let fallback = workspace().root.join("php/src/pusher.php");
    let with_require = format!("require '{}'; {first}", fallback.display());
    Php::plain()
        .set("pusher.address", daemon.push_address())
        .print(&with_require);
    Php::with_extension(daemon.push_address()).print(&first);
    for _ in 0..2 {
        assert_eq!(browser.event("kittensCategory")["title"], "A new kitten");
    }
}

#[test]
fn plain_php_stores_and_publishes() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "kittensCategory");
    let site = Application::of(&[("index.html", "here"), ("post.php", &file("post.php"))]);
    let server = Server::start(&Php::with_fallback(daemon.push_address()), site.path(), &[]);
    for id in 1..3 {
        let answer = http::post(server.address, "/post.php", "title=%E7%8C%AB").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (303, ""));
        let event = browser.event("kittensCategory");
        assert_eq!((&event["id"], &event["title"]), (&json!(id), &json!("猫")));
    }
}

#[test]
fn laravel_publishes_each_stored_entry_once() {
    let daemon = Daemon::start_with(&["--publish-token", "s3cret-token-for-tests"]);
    let mut browser = Wamp::subscribed(daemon.web, "kittensCategory");
    let provider = file("app/Providers/PushServiceProvider.php");
    let listener = file("app/Listeners/PushEntry.php");
    let controller = file("app/Http/Controllers/EntryController.php");
    let site = Application::of(&[
        ("services.php", &file("config/services.php")),
        ("PushServiceProvider.php", &provider),
        ("PushEntry.php", &listener),
        ("EntryController.php", &controller),
        ("laravel.php", LARAVEL),
    ]);
    for (index, php) in [
        Php::with_fallback(daemon.push_address()),
        Php::with_extension(daemon.push_address()),
    ]
    .iter()
    .enumerate()
    {
        let since = run_laravel(php, site.path(), &daemon);
        // The position behind the only event.
        assert!(since.ends_with("-1\""), "{since}");
        if index == 0 {
            assert_eq!(
                browser.event("kittensCategory"),
                json!({"title": "by Laravel"})
            );
        }
    }
    // The same entry was sent four times.
    browser.assert_nothing_waits();
}

#[track_caller]
fn run_laravel(php: &Php, site: &Path, daemon: &Daemon) -> String {
    let mut command = php.command();
    command
        .arg(site.join("laravel.php"))
        .env("PUSHD_ADDRESS", daemon.push_address())
        .env("PUSHD_TOKEN", "s3cret-token-for-tests");
    program::run(&mut command, WAIT_MS).success()
}

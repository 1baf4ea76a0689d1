//! The packages for other places, which RELEASING.md lists: each is complete, and its dry run works.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use system_tests::{program, workspace};
use xtask::build::cargo;

use super::php_packages::composer;

/// The crates that are published, and the one from which PIE builds the extension.
const CRATES: [&str; 6] = [
    "pusher-proto",
    "pusher-uring",
    "pusher-core",
    "libpusher",
    "pushd",
    "pusher-php",
];
const NPM_PACKAGES: [&str; 2] = ["crates/pusher-core/js", "php/laravel/js"];
const COMPOSER_PACKAGES: [&str; 3] = ["php", "php/laravel", "crates/pusher-php"];
/// Time limit for cargo, which may have to wait for another cargo.
const CARGO_MS: u64 = 600_000;
const NPM_MS: u64 = 60_000;

fn read(path: &str) -> String {
    fs::read_to_string(workspace().root.join(path)).unwrap()
}

fn manifest(path: String) -> Value {
    serde_json::from_str(&read(&path)).unwrap()
}

fn package(words: &[&str]) -> Command {
    let mut command = cargo(&workspace());
    command.args(["package", "--offline", "--allow-dirty"]);
    command.args(words);
    command
}

#[test]
fn cargo_packs_every_crate() {
    let folder = tempfile::tempdir_in(workspace().target).unwrap();
    let mut command = package(&["--no-verify", "--target-dir"]);
    command.arg(folder.path());
    for name in CRATES {
        command.args(["--package", name]);
    }
    program::run(&mut command, CARGO_MS).success();
    for name in CRATES {
        let file = format!("package/{name}-{}.crate", env!("CARGO_PKG_VERSION"));
        assert!(folder.path().join(file).is_file(), "{name}");
    }
}

/// Removes `..` from a path without the file system.
fn normal(path: &Path) -> String {
    let mut parts = Vec::new();
    for part in path.iter().map(|part| part.to_str().unwrap()) {
        match part {
            ".." => {
                parts.pop().expect("a path inside the crate");
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A crate that includes a file of another folder builds here, and nowhere else.
#[test]
fn crates_have_the_files_that_their_code_includes() {
    let mut included = 0;
    for name in CRATES {
        let list = program::run(&mut package(&["--list", "--package", name]), CARGO_MS).success();
        let list: BTreeSet<&str> = list.lines().collect();
        for file in list
            .iter()
            .filter(|file| file.starts_with("src/") && file.ends_with(".rs"))
        {
            let text = read(&format!("crates/{name}/{file}"));
            for rest in text.split("include_str!(\"").skip(1) {
                let path = Path::new(file).parent().unwrap();
                let path = normal(&path.join(rest.split('"').next().unwrap()));
                assert!(list.contains(path.as_str()), "{name}: {file}: {path}");
                included += 1;
            }
        }
    }
    assert!(included > 20, "{included}");
}

#[test]
fn npm_packs_both_packages() {
    for folder in NPM_PACKAGES {
        let cache = tempfile::tempdir().unwrap();
        let mut command = Command::new("npm");
        command
            .args([
                "pack",
                "--dry-run",
                "--json",
                "--offline",
                "--ignore-scripts",
            ])
            .current_dir(workspace().root.join(folder))
            .env("npm_config_cache", cache.path());
        let packed = program::run(&mut command, NPM_MS).success();
        let packed: Value = serde_json::from_str(&packed).unwrap();
        let packed = packed[0]["files"].as_array().unwrap();
        let packed: BTreeSet<_> = packed
            .iter()
            .map(|file| file["path"].as_str().unwrap())
            .collect();
        let manifest = manifest(format!("{folder}/package.json"));
        let files = manifest["files"].as_array().unwrap().iter();
        for file in files.map(|file| file.as_str().unwrap()) {
            assert!(packed.contains(file), "{folder}: {file}");
        }
        assert_eq!(manifest["publishConfig"]["access"], "public", "{folder}");
    }
}

#[test]
fn composer_accepts_the_laravel_package() {
    let folder = workspace().root.join("php/laravel");
    composer(&folder, &["validate", "--no-check-lock"]);
}

#[test]
fn every_version_is_that_of_the_workspace() {
    let version = env!("CARGO_PKG_VERSION");
    let json = format!("  \"version\": \"{version}\",");
    for (file, line) in [
        ("crates/libpusher/pusher.pc", format!("Version: {version}")),
        ("crates/pusher-core/js/package.json", json.clone()),
        ("php/laravel/js/package.json", json),
        (
            "php/wordpress/pushd-live.php",
            format!(" * Version:           {version}"),
        ),
        (
            "php/wordpress/pushd-live.php",
            format!("const VERSION = '{version}';"),
        ),
        ("php/wordpress/readme.txt", format!("Stable tag: {version}")),
    ] {
        assert!(
            read(file).lines().any(|found| found == line),
            "{file}: {line}"
        );
    }
}

#[test]
fn the_page_lists_every_package() {
    let page = read("crates/RELEASING.md");
    let named = |path: &String| manifest(path.clone())["name"].as_str().unwrap().to_owned();
    let npm = NPM_PACKAGES.map(|folder| format!("{folder}/package.json"));
    let composer = COMPOSER_PACKAGES.map(|folder| format!("{folder}/composer.json"));
    let mut names: Vec<String> = npm.iter().chain(&composer).map(named).collect();
    for entry in fs::read_dir(workspace().root.join("crates")).unwrap() {
        let path = entry.unwrap().path().join("Cargo.toml");
        let Ok(manifest) = fs::read_to_string(&path) else {
            continue;
        };
        if !manifest.contains("\npublish = false\n") {
            let (_, rest) = manifest.split_once("name = \"").unwrap();
            names.push(rest.split('"').next().unwrap().to_owned());
        }
    }
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        let row = format!("| `{name}` |");
        assert!(page.contains(&row), "{row}");
    }
}

//! Every block of code in the documents is executed, or checked by a parser for its language.
//!
//! The word `no_run` after the language marks blocks that need a framework or a machine of their own. They are only
//! parsed, or left to the test of their page. `text` and `console` are for pictures and transcripts.

mod needs_namespaces;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use system_tests::daemon;
use system_tests::document::{self, Block};
use system_tests::php::Application;
use system_tests::{WAIT_MS, artefact, program, workspace};

/// Checked by php_recipes.rs and `frameworks`, which have the frameworks, and by the tests of the protocol, which have the
/// decoders.
const LOOKED_AT_ELSEWHERE: [&str; 6] = [
    "php/README.md",
    "php/SYMFONY.md",
    "php/DRUPAL.md",
    "php/FRAMEWORKS.md",
    "crates/pusher-proto/PROTOCOL.md",
    "crates/pusher-proto/src/native.md",
];

const RUN_MS: u64 = 60_000;

fn blocks() -> Vec<Block> {
    let root = workspace().root;
    let mut documents = Vec::new();
    find_files(&root, ".md", &mut documents);
    documents.sort();
    assert!(documents.len() >= 5, "{documents:?}");
    let mut blocks = Vec::new();
    for path in documents {
        let name = path.strip_prefix(&root).unwrap();
        let mut elsewhere = LOOKED_AT_ELSEWHERE.iter();
        if !elsewhere.any(|other| name == Path::new(other)) {
            blocks.extend(document::blocks(name));
        }
    }
    blocks
}

fn find_files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find_files(&path, end, found);
        } else if name.ends_with(end) {
            found.push(path);
        }
    }
}

fn in_language(language: &str) -> Vec<Block> {
    let mut blocks = blocks();
    blocks.retain(|block| block.language == language);
    assert!(!blocks.is_empty(), "no document has {language}");
    blocks
}

#[test]
fn each_block_has_a_language_with_a_check() {
    // Apache, Caddy, HAProxy and nginx: proxies; Rust: cargo's doctests.
    // Ruby: tickets.rs.
    const KNOWN: [&str; 19] = [
        "apache", "c", "caddy", "console", "cpp", "haproxy", "html", "js", "json", "nft", "nginx",
        "php", "python", "ruby", "rust", "sh", "text", "toml", "yaml",
    ];
    for block in blocks() {
        let place = block.place();
        assert!(
            KNOWN.contains(&&*block.language),
            "{place}: `{}`",
            block.language
        );
    }
}

/// A reader copies the block, without the sentences beside it.
#[test]
fn each_block_with_the_local_address_says_which_one_to_put() {
    // YAML is for web servers, which reach pushd at that address.
    const LANGUAGES: [&str; 5] = ["html", "js", "php", "python", "text"];
    let root = workspace().root;
    let mut documents = Vec::new();
    find_files(&root, ".md", &mut documents);
    let mut found = 0;
    for path in documents {
        for block in document::blocks(path.strip_prefix(&root).unwrap()) {
            let is_local = ["//127.0.0.1:8080", "//localhost:8080"]
                .iter()
                .any(|address| block.code.contains(address));
            if !is_local || !LANGUAGES.contains(&&*block.language) {
                continue;
            }
            let says = [
                "visitors can reach",
                "訪問者が接続できる",
                "put the host and port",
            ]
            .iter()
            .any(|words| block.code.contains(words));
            assert!(says, "{}: put which address?", block.place());
            found += 1;
        }
    }
    assert!(found >= 10, "the examples are gone: {found}");
}

/// Checks files and headings of this repository. It does not check links to other sites.
#[test]
fn links_have_targets() {
    let broken = broken_links(&workspace().root);
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Returns the links of all documents below `root` whose file or heading does not exist. Links to the web are left out.
pub(super) fn broken_links(root: &Path) -> Vec<String> {
    let mut broken = Vec::new();
    for (document, link) in links(root) {
        let target = document.parent().unwrap().join(&link);
        let is_own_heading = link.starts_with('#');
        let target = match is_own_heading {
            true => format!("{}{link}", document.display()),
            false => target.display().to_string(),
        };
        if !link.contains("://") && !is_target(&target) {
            broken.push(format!("{}: {link}", document.display()));
        }
    }
    broken
}

/// Returns the links of all documents below `root`.
pub(super) fn links(root: &Path) -> Vec<(PathBuf, String)> {
    let mut documents = Vec::new();
    find_files(root, ".md", &mut documents);
    let mut links = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let found = text.split("](").skip(1);
        for link in found.filter_map(|rest| rest.split(')').next()) {
            links.push((document.clone(), link.to_owned()));
        }
    }
    links
}

/// Returns whether the file exists, and the heading that may follow its path after a `#`.
pub(super) fn is_target(link: &str) -> bool {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    if heading.is_empty() {
        return Path::new(path).exists();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|line| anchor(line) == heading)
}

/// Returns the anchor of a heading on GitHub.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// In bash and zsh, `pushd` and even `command pushd` run a builtin. So examples use `pusherd`.
#[test]
fn no_document_uses_pushd_as_a_command() {
    let root = workspace().root;
    let mut files = Vec::new();
    for end in [
        ".md",
        ".rs",
        ".php",
        ".txt",
        ".conf",
        ".8",
        ".3",
        ".js",
        "Dockerfile",
    ] {
        find_files(&root.join("crates"), end, &mut files);
        find_files(&root.join("php"), end, &mut files);
    }
    files.extend(["README.md", "README.ja.md", "CHANGELOG.md"].map(|name| root.join(name)));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().enumerate();
        // Comments in code are not instructions.
        for (index, line) in lines.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            assert!(
                !types_pushd(line),
                "{}:{}: {line}",
                file.display(),
                index + 1
            );
        }
    }
    for words in [
        &["--help"][..],
        &["doctor", "--help"],
        &["setup", "nginx"],
        &["setup", "apache"],
        &["setup", "caddy"],
        &["setup", "haproxy"],
    ] {
        let mut command = daemon::command("pushd");
        let said = program::run(command.args(words), WAIT_MS).success();
        assert!(!said.lines().any(types_pushd), "{words:?}: {said}");
    }
}

/// Returns whether a line has `command pushd`, or the name with an argument and without a path.
fn types_pushd(line: &str) -> bool {
    const COMMANDS: [&str; 12] = [
        "bench",
        "completions",
        "doctor",
        "presence",
        "publish",
        "revoke",
        "setup",
        "status",
        "subscribe",
        "ticket",
        "topics",
        "--",
    ];
    line.match_indices("pushd ").any(|(at, name)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let is_name = !before.ends_with(|c: char| c.is_alphanumeric() || "/_.-".contains(c));
        let is_typed = COMMANDS.iter().any(|word| after.starts_with(word));
        is_name && (is_typed || before.ends_with("command "))
    }) || line.contains("`command pushd`")
}

#[test]
fn javascript() {
    for block in blocks() {
        match &*block.language {
            "js" => check_javascript(&block, &block.code),
            "html" => {
                for script in block.code.split("<script>").skip(1) {
                    let script = script.split("</script>").next().unwrap_or_default();
                    check_javascript(&block, script);
                }
            }
            _ => {}
        }
    }
}

fn check_javascript(block: &Block, code: &str) {
    let file = Application::of(&[("block.js", code)]);
    let file = file.path().join("block.js");
    check(block, Command::new("node").arg("--check").arg(file));
}

#[test]
fn settings() {
    let blocks = in_language("toml").into_iter();
    // Settings have no sections: those are for Cargo.
    for block in blocks.filter(|block| !block.code.starts_with('[')) {
        let file = Application::of(&[("pushd.toml", &block.code)]);
        let mut pushd = Command::new(artefact("pushd"));
        // Printing needs none of the files that the settings name.
        let action = match block.is_run {
            true => "--check",
            false => "--print-config",
        };
        pushd
            .arg(action)
            .arg("--config")
            .arg(file.path().join("pushd.toml"));
        check(&block, &mut pushd);
    }
}

#[test]
fn json() {
    for block in blocks().iter().filter(|block| block.language == "json") {
        for value in serde_json::Deserializer::from_str(&block.code).into_iter::<Value>() {
            let place = block.place();
            value.unwrap_or_else(|error| panic!("{place}: {error}"));
        }
    }
}

#[test]
fn yaml() {
    for block in in_language("yaml") {
        document::yaml(&block.place(), &block.code);
    }
}

/// The last column of the table of promises has `file::test`, or the name of a `file` of tests. The
/// tests of a `file` may be in a folder of its name.
#[test]
fn each_promise_names_an_existing_test() {
    let root = workspace().root;
    let mut sources = Vec::new();
    for folder in [
        "tests/tests",
        "crates/pusher-core/tests",
        "crates/pusher-core/src",
    ] {
        find_files(&root.join(folder), ".rs", &mut sources);
    }
    let document = "crates/pushd/OPERATING.md";
    let text = fs::read_to_string(root.join(document)).unwrap();
    let (_, table) = text.split_once("| promise | test |\n|---|---|\n").unwrap();
    let rows: Vec<_> = table
        .lines()
        .take_while(|row| row.starts_with('|'))
        .collect();
    assert!(rows.len() >= 12, "{document}: {rows:#?}");
    for row in rows {
        let names: Vec<_> = row.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{document}: {row}");
        for name in names {
            assert!(
                is_test(&sources, name),
                "{document}: there is no test {name}"
            );
        }
    }
}

fn is_test(sources: &[PathBuf], name: &str) -> bool {
    let (file, wanted) = match name.split_once("::") {
        Some((file, test)) => (file, format!("fn {test}()")),
        None => (name, "#[test]".to_owned()),
    };
    sources.iter().any(|path| {
        let folder = path.parent().and_then(Path::file_name);
        let is_file = path.file_stem().is_some_and(|stem| stem == file);
        let is_in_folder = folder.is_some_and(|name| name == file);
        (is_file || is_in_folder) && fs::read_to_string(path).unwrap().contains(&wanted)
    })
}

#[track_caller]
fn check(block: &Block, command: &mut Command) {
    let ended = program::run(command, RUN_MS);
    let place = block.place();
    assert!(
        ended.status.success(),
        "{place}\n{}{}",
        ended.stdout,
        ended.stderr
    );
}

//! `rust-version` in Cargo.toml: no dependency needs a newer Rust, and every document names this version.

use std::fs;
use std::process::Command;

use serde_json::Value;
use system_tests::{program, workspace};

/// Time limit. The command downloads the crates for other systems, which cargo has not needed yet.
const METADATA_MS: u64 = 300_000;

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(workspace().root);
    serde_json::from_str(&program::run(&mut command, METADATA_MS).success()).unwrap()
}

/// Accepts "1.95" and "1.95.0".
fn version(text: &str) -> Vec<u64> {
    let mut parts: Vec<u64> = text.split('.').map(|part| part.parse().unwrap()).collect();
    parts.resize(3, 0);
    parts
}

/// Returns the workspace's `rust-version`.
fn ours(metadata: &Value) -> String {
    let members = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let mut ours: Vec<&str> = packages
        .filter(|package| members.contains(&package["id"]))
        .map(|package| package["rust_version"].as_str().expect("each has one"))
        .collect();
    ours.dedup();
    assert_eq!(ours.len(), 1, "one for all: {ours:?}");
    ours[0].to_owned()
}

#[test]
fn no_dependency_needs_a_newer_version() {
    let metadata = metadata();
    let ours = version(&ours(&metadata));
    for package in metadata["packages"].as_array().unwrap() {
        let Some(wanted) = package["rust_version"].as_str() else {
            continue;
        };
        let name = &package["name"];
        assert!(version(wanted) <= ours, "{name} wants {wanted}");
    }
}

#[test]
fn documents_and_workflows_name_it() {
    let ours = ours(&metadata());
    for (file, words) in [
        ("README.md", "with Rust "),
        ("README.ja.md", "Rust（"),
        ("crates/pushd/INSTALL.md", "With Rust "),
        (".github/workflows/ci.yml", "rust:"),
        (".github/workflows/release.yml", "rust:"),
    ] {
        let text = fs::read_to_string(workspace().root.join(file)).unwrap();
        let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("{file}"));
        assert!(rest.starts_with(&ours), "{file} does not name Rust {ours}");
    }
}

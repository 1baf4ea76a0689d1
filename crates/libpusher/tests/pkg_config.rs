//! `pusher.pc` agrees with Cargo and rustc.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The value of the keyword `name` in pusher.pc.
fn field(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pusher.pc");
    let text = fs::read_to_string(path).unwrap();
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    values.next().unwrap().to_owned()
}

#[test]
fn the_version_matches_cargo() {
    assert_eq!(field("Version"), env!("CARGO_PKG_VERSION"));
}

/// Libraries that every C compiler adds itself. (A static program has no gcc_s.)
const ADDED_BY_COMPILERS: [&str; 2] = ["-lgcc_s", "-lc"];

/// A program that links libpusher.a needs the libraries of Rust's standard library.
#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn the_private_libraries_are_rusts() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("empty.rs");
    fs::write(&source, "").unwrap();
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--crate-type=staticlib", "--print=native-static-libs"])
        .arg("--out-dir")
        .args([folder.path(), &source])
        .output()
        .unwrap();
    let notes = String::from_utf8_lossy(&output.stderr);
    let marker = "native-static-libs: ";
    let libraries = notes
        .lines()
        .find_map(|line| Some(line.split_once(marker)?.1));
    let needed: Vec<&str> = libraries
        .unwrap()
        .split_whitespace()
        .filter(|library| !ADDED_BY_COMPILERS.contains(library))
        .collect();
    assert_eq!(needed.join(" "), field("Libs.private"), "{notes}");
}

//! `pusherd`, which becomes the `pushd` beside it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const PUSHERD: &str = env!("CARGO_BIN_EXE_pusherd");

fn run(program: impl AsRef<Path>, words: &[&str]) -> Output {
    let mut command = Command::new(program.as_ref());
    command.env("PUSHD_CONFIG", "/dev/null").args(words);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn both_names_do_the_same() {
    for words in [&["--help"][..], &["--print-config"], &["--nonsense"]] {
        let (first, second) = (run(env!("CARGO_BIN_EXE_pushd"), words), run(PUSHERD, words));
        assert_eq!(first.status, second.status, "{words:?}");
        assert_eq!(first.stdout, second.stdout, "{words:?}");
        assert_eq!(first.stderr, second.stderr, "{words:?}");
    }
}

#[cfg(unix)]
#[test]
fn alone_it_says_what_it_misses() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("pusherd");
    fs::copy(PUSHERD, &alone).unwrap();
    let output = run(&alone, &["--version"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = stderr(&output);
    let pushd = folder.path().canonicalize().unwrap().join("pushd");
    assert!(
        stderr.starts_with(&format!("pusherd: cannot start {}: ", pushd.display())),
        "{stderr}"
    );
}

/// It must not start itself for ever.
#[cfg(unix)]
#[test]
fn a_copy_with_the_first_name_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("pushd");
    fs::copy(PUSHERD, &copy).unwrap();
    let output = run(&copy, &["--version"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("a copy of pusherd"), "{output:?}");
}

//! `cargo xtask package`: the packages are reproducible and lintian accepts them.

mod documents;
mod needs_mounts;
mod plugin;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use system_tests::{debug_program, program, workspace};

/// Time limit. The command builds everything that is missing.
const BUILD_MS: u64 = 1_800_000;
/// Time limit for lintian.
const LINT_MS: u64 = 300_000;

/// Warnings of lintian that are accepted, with the reasons.
const ACCEPTED: [&str; 2] = [
    // The document is not about building. It describes upgrade, removal and the service.
    "package-contains-upstream-installation-documentation",
    // A package closes a request only in Debian's archive, and these are not there.
    "initial-upload-closes-no-bugs",
];

#[track_caller]
fn make(folder: &Path) {
    let mut command = Command::new(debug_program("xtask"));
    command.arg("package").arg("--out").arg(folder);
    let ended = program::run(&mut command, BUILD_MS);
    let warnings: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("dpkg-") && line.contains(": warning: "))
        .collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    ended.success();
}

/// Returns the folder of the packages. The first call makes them.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = workspace().target.join("package-test");
        // Removes packages of another version or an earlier run.
        let _ = fs::remove_dir_all(&folder);
        make(&folder);
        folder
    })
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn debs() -> Vec<PathBuf> {
    files(packages(), "deb")
}

/// Returns the package that is not for Debian, by its extension.
fn archive(extension: &str) -> PathBuf {
    let mut found = files(packages(), extension);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn deb(name: &str) -> PathBuf {
    let mut debs = debs().into_iter();
    debs.find(|path| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(name)
    })
    .unwrap()
}

#[test]
fn the_packages_are_reproducible() {
    let again = tempfile::tempdir().unwrap();
    make(again.path());
    let mut made = debs();
    made.extend(["gz", "zip"].map(archive));
    assert_eq!(made.len(), 8, "{made:?}");
    for path in made {
        let other = again.path().join(path.file_name().unwrap());
        assert!(
            fs::read(&path).unwrap() == fs::read(other).unwrap(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn lintian_reports_nothing() {
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--tag-display-limit=0"]);
    lintian.args(["--suppress-tags", &ACCEPTED.join(",")]);
    let ended = program::run(lintian.args(debs()), LINT_MS);
    let tags: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| !line.starts_with("N:"))
        .collect();
    assert!(
        tags.is_empty() && ended.status.success(),
        "{tags:#?}\n{}",
        ended.stderr
    );
}

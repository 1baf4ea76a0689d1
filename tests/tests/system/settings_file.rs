//! The packaged settings file: an administrator removes the `# ` before a setting.

use std::fs;
use std::path::Path;

use system_tests::daemon;
use system_tests::program::{self, Ended};
use system_tests::{WAIT_MS, workspace};
use xtask::generated;

/// Settings whose examples name a file that is not on this machine, or that need another setting.
const NOT_ALONE: [&str; 8] = [
    "tls-certificate",
    "tls-key",
    "redis-password-file",
    "private-topics",
    "presence",
    "pusher-app",
    "pusher-listen",
    "pusher-webhook",
];

/// Returns the name of a setting that is commented out.
fn commented(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("# ")?.split_once(" = ")?;
    let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    is_name.then_some(name)
}

fn run(file: &Path, text: &str, action: &str) -> Ended {
    fs::write(file, text).unwrap();
    let mut command = daemon::command("pushd");
    command.arg("--config").arg(file).arg(action);
    program::run(&mut command, WAIT_MS)
}

#[test]
fn each_line_is_a_setting_when_it_is_no_comment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pushd.toml");
    let text = generated::settings(&workspace()).unwrap();
    run(&file, &text, "--check").success();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = 0;
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = commented(line) else {
            continue;
        };
        found += 1;
        let mut changed = lines.clone();
        changed[index] = &line[2..];
        let changed = changed.join("\n");
        // Other lines have no effect, and this one has its own.
        let printed = run(&file, &changed, "--print-config").success();
        let origin = format!("{}:{}", file.display(), index + 1);
        let mut given = printed.lines().filter(|line| line.ends_with(&origin));
        let given = given.next().unwrap_or_else(|| panic!("{name}: {printed}"));
        assert!(given.trim_start_matches("# ").starts_with(name), "{given}");
        if !NOT_ALONE.contains(&name) {
            let checked = run(&file, &changed, "--check");
            assert!(checked.status.success(), "{name}: {}", checked.stderr);
        }
    }
    let defaults = run(&file, "", "--print-config").success();
    // `publish-listen` is set.
    assert_eq!(found + 1, defaults.lines().count());
}

#[test]
fn every_section_has_a_comment() {
    let text = generated::settings(&workspace()).unwrap();
    for section in text.trim_end().split("\n\n") {
        let first = section.lines().next().unwrap();
        assert!(
            first.starts_with("# ") && commented(first).is_none(),
            "{section}"
        );
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 120),
        "{text}"
    );
}

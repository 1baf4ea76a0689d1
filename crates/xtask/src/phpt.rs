//! The phpt tests, which PHP's own test runner runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::process::run as run_command;
use crate::workspace::Workspace;

/// The folders of the tests, and of the files that they read.
const SOURCES: [&str; 4] = ["php/tests", "php/stubs", "php/src", "include"];

/// The tests that cannot pass under valgrind. PHP's memory_limit is part of the allocator that is switched off there,
/// 100,000 publishes take too long, and some tests compare times.
const NOT_UNDER_VALGRIND: [&str; 7] = [
    "publish/json_serialize_memory_limit.phpt",
    "defer/memory_limit.phpt",
    "process/memory.phpt",
    "process/signals.phpt",
    "breaker/addresses.phpt",
    "breaker/opens.phpt",
    "failure/black_hole.phpt",
];

/// A leak in PHP itself: an error handler that ends the script after the request leaves memory behind. PHP's own
/// allocator would free it, but is off under valgrind.
const SUPPRESSIONS: &str = "\
{
   memory of a request that is over
   Memcheck:Leak
   match-leak-kinds: definite
   ...
   fun:__zend_*alloc
   ...
   fun:*pusher_php*deferred*
}
";

/// The implementation under test.
#[derive(Debug)]
pub enum Pusher {
    /// The extension at this path, built for the PHP under test.
    Extension(PathBuf),
    /// The fallback, written in PHP.
    Fallback {
        /// The libpusher that FFI loads. None if this PHP has no FFI.
        library: Option<PathBuf>,
    },
}

/// A PHP, and the implementation under test.
#[derive(Debug)]
pub struct Php {
    /// The command-line program.
    pub program: PathBuf,
    /// PHP's test runner.
    pub runner: PathBuf,
    /// The implementation that it loads.
    pub pusher: Pusher,
    /// Whether its php.ini must be ignored, because it loads other extensions.
    pub without_ini: bool,
}

impl Php {
    /// Returns Debian's PHP.
    pub fn debians(pusher: Pusher) -> Result<Self> {
        let program = build::php()?;
        Ok(Self {
            runner: debians_runner(&program)?,
            program: program.into(),
            pusher,
            without_ini: false,
        })
    }
}

/// Runs every test once. Runs the extension's tests again, each twice in one process, because the extension keeps
/// state between requests.
pub fn run(workspace: &Workspace, php: &Php) -> Result<()> {
    let tests = Tests::copy(workspace, &php.pusher)?;
    tests.run(workspace, php, &php.program, |runner| runner.arg("-j2"))?;
    match &php.pusher {
        Pusher::Fallback { .. } => Ok(()),
        Pusher::Extension(_) => tests.run(workspace, php, &php.program, |runner| {
            runner.args(["--repeat", "2"])
        }),
    }
}

/// Runs the tests under valgrind, which finds errors that a normal run does not show: reads out of bounds, use after
/// free, leaks.
pub fn run_under_valgrind(workspace: &Workspace, php: &Php) -> Result<()> {
    let tests = Tests::copy(workspace, &php.pusher)?;
    for name in NOT_UNDER_VALGRIND {
        fs::remove_file(tests.folder.join("tests").join(name)).context(name)?;
    }
    let logs = tests.folder.join("valgrind");
    fs::create_dir(&logs)?;
    let wrapper = tests.valgrind(&logs, &php.program)?;
    tests.run(workspace, php, &wrapper, |runner| {
        runner
            .args(["-j2", "--set-timeout", "600", "-d", "pcre.jit=0"])
            .env("USE_ZEND_ALLOC", "0")
            .env("ZEND_DONT_UNLOAD_MODULES", "1")
    })?;
    nothing_was_found(&logs)
}

/// A copy of the tests. PHP's runner writes its files beside them.
struct Tests {
    folder: PathBuf,
}

impl Tests {
    /// Removes the tests that apply only to the other implementation.
    fn copy(workspace: &Workspace, pusher: &Pusher) -> Result<Self> {
        let (name, left_out): (&str, &[&str]) = match pusher {
            Pusher::Extension(_) => ("phpt", &["fallback", "ffi", "http"]),
            Pusher::Fallback { library: Some(_) } => ("phpt-fallback", &["extension"]),
            Pusher::Fallback { library: None } => ("phpt-fallback", &["extension", "ffi"]),
        };
        let folder = workspace.target.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        let sources = SOURCES.map(|source| workspace.root.join(source));
        run_command(Command::new("cp").arg("-r").args(sources).arg(&folder))?;
        for tests in left_out {
            fs::remove_dir_all(folder.join("tests").join(tests))?;
        }
        Ok(Self { folder })
    }

    fn settings(&self, pusher: &Pusher) -> Vec<String> {
        match pusher {
            Pusher::Extension(file) => vec![format!("extension={}", file.display())],
            Pusher::Fallback { .. } => {
                let prepended = self.folder.join("tests/support/fallback.inc");
                vec![
                    format!("auto_prepend_file={}", prepended.display()),
                    // The prepended file defines its own versions of these functions.
                    "disable_functions=ini_set,ini_get,ini_restore".to_owned(),
                ]
            }
        }
    }

    fn run(
        &self,
        workspace: &Workspace,
        php: &Php,
        tested: &Path,
        set: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<()> {
        let results = self.folder.join("results.txt");
        let mut runner = Command::new(&php.program);
        runner.arg("-n").arg(&php.runner);
        if php.without_ini {
            runner.arg("-n");
        }
        runner
            .args(["-q", "--show-diff"])
            .args(
                self.settings(&php.pusher)
                    .iter()
                    .flat_map(|setting| ["-d", setting]),
            )
            .env("TEST_PHP_EXECUTABLE", tested)
            .env("NO_INTERACTION", "1")
            .env("PUSHD", workspace.artefact("pushd")?)
            .env_remove("LD_LIBRARY_PATH");
        if let Pusher::Fallback {
            library: Some(library),
        } = &php.pusher
        {
            runner.env("PUSHER_LIBRARY", library);
        }
        set(&mut runner)
            .arg("-W")
            .arg(&results)
            .arg(self.folder.join("tests"));
        run_command(&mut runner)?;
        all_passed(&fs::read_to_string(&results).context("PHP's test runner wrote no results")?)
    }

    /// A script that replaces PHP in the runner. Processes that a test starts are checked only if they start this
    /// script.
    fn valgrind(&self, logs: &Path, php: &Path) -> Result<PathBuf> {
        let suppressions = self.folder.join("suppressions");
        fs::write(&suppressions, SUPPRESSIONS)?;
        let script = format!(
            "#!/bin/sh\nexec valgrind -q --log-file='{}/%p' --suppressions='{}' --leak-check=full \
             --show-leak-kinds=definite '{}' \"$@\"\n",
            logs.display(),
            suppressions.display(),
            php.display(),
        );
        write_program(&self.folder.join("php"), &script)
    }
}

/// Writes an executable script.
pub fn write_program(path: &Path, script: &str) -> Result<PathBuf> {
    fs::write(path, script)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(path.to_owned())
}

fn nothing_was_found(logs: &Path) -> Result<()> {
    let mut found = String::new();
    let mut count = 0;
    for log in fs::read_dir(logs)? {
        found += &fs::read_to_string(log?.path())?;
        count += 1;
    }
    if !found.is_empty() {
        bail!("valgrind says:\n{found}");
    }
    if count == 0 {
        bail!("valgrind was not run");
    }
    Ok(())
}

// Debian keeps PHP's test runner beside the build files of extensions.
fn debians_runner(php: &str) -> Result<PathBuf> {
    let output = Command::new(php)
        .args(["-n", "-r", "echo basename(PHP_EXTENSION_DIR);"])
        .output()
        .with_context(|| format!("can't start {php}"))?;
    let version = String::from_utf8(output.stdout)?;
    Ok(Path::new("/usr/lib/php")
        .join(version)
        .join("build/run-tests.php"))
}

// The runner counts a skipped test as a success. Here it is a failure.
fn all_passed(results: &str) -> Result<()> {
    let others: Vec<&str> = results
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("PASSED"))
        .collect();
    if !others.is_empty() {
        bail!("not passed: {}", others.join(", "));
    }
    if !results.contains("PASSED") {
        bail!("no test was run");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passed_phpt_tests_count() {
        assert!(all_passed("PASSED a.phpt\nPASSED b.phpt\n").is_ok());
        assert!(all_passed("PASSED a.phpt\nSKIPPED b.phpt\n").is_err());
        assert!(all_passed("FAILED a.phpt\n").is_err());
        assert!(all_passed("").is_err());
    }

    #[test]
    fn a_valgrind_report_is_an_error() {
        let logs = tempfile::tempdir().unwrap();
        assert!(nothing_was_found(logs.path()).is_err());
        fs::write(logs.path().join("1"), "").unwrap();
        assert!(nothing_was_found(logs.path()).is_ok());
        fs::write(logs.path().join("2"), "Invalid read").unwrap();
        let error = nothing_was_found(logs.path()).unwrap_err().to_string();
        assert!(error.contains("Invalid read"));
    }

    #[test]
    fn tests_left_out_under_valgrind_exist() {
        let tests = Workspace::find().unwrap().root.join("php/tests");
        for name in NOT_UNDER_VALGRIND {
            assert!(tests.join(name).is_file(), "{name}");
        }
    }
}

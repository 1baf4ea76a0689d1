//! C and C++ programs that use libpusher, and valgrind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;
use xtask::races;

use crate::program::{self, Ended};
use crate::{artefact, workspace};

/// Time limit for a compiler or a program. valgrind is slow.
const RUN_MS: u64 = 60_000;

/// The system libraries that `libpusher.a` needs.
const SYSTEM_LIBRARIES: [&str; 3] = ["-lpthread", "-ldl", "-lm"];

/// The variants of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// `libpusher.so`, which the loader finds by its SONAME.
    Shared,
    /// `libpusher.a`.
    Static,
    /// The `libpusher.a` of `cargo xtask races`, for a program with ThreadSanitizer.
    Races,
}

/// A compiled program.
#[derive(Debug)]
pub struct Program {
    folder: TempDir,
}

impl Program {
    /// Compiles a file of `tests/c`. Its name selects C or C++. Every warning is an error.
    #[track_caller]
    pub fn compile(source: &str, link: Link) -> Self {
        Self::compile_with(source, link, &[])
    }

    /// Compiles a file with more flags for the compiler.
    #[track_caller]
    pub fn compile_with(source: &str, link: Link, flags: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pusher-c-")
            .tempdir()
            .expect("a temporary folder");
        let root = workspace().root;
        let (compiler, standard) = if source.ends_with(".c") {
            ("gcc", "-std=c99")
        } else {
            ("g++", "-std=c++11")
        };
        let mut command = Command::new(compiler);
        command
            .args([standard, "-g", "-pthread"])
            .args(["-Wall", "-Wextra", "-Werror", "-pedantic"])
            .args(flags)
            .arg("-I")
            .arg(root.join("include"))
            .arg("-o")
            .arg(folder.path().join("program"))
            .arg(root.join("tests/c").join(source));
        add_library(&mut command, link, folder.path());
        program::run(&mut command, RUN_MS).success();
        Self { folder }
    }

    /// Returns the command that runs the program.
    pub fn command(&self) -> Command {
        Command::new(self.path())
    }

    /// Returns the command that runs the program under valgrind. A memory error or a definite leak makes it fail.
    pub fn under_valgrind(&self) -> Command {
        self.valgrind(&["--leak-check=full", "--errors-for-leak-kinds=definite"])
    }

    /// Like `valgrind`, but leaks are allowed: threads of the parent may hold memory at the fork, which the child
    /// then loses.
    pub fn under_valgrind_losing_memory(&self) -> Command {
        self.valgrind(&["--leak-check=no"])
    }

    fn valgrind(&self, options: &[&str]) -> Command {
        let mut command = Command::new("valgrind");
        command
            .args(["--quiet", "--error-exitcode=99", "--trace-children=yes"])
            .args(options)
            .arg(self.path());
        command
    }

    /// Runs a command of this program to its end.
    #[track_caller]
    pub fn run(&self, command: &mut Command) -> Ended {
        program::run(command, RUN_MS)
    }

    /// Returns the path of the program.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("program")
    }
}

// Lays out the library as if it were installed: `libpusher.so` for the linker, the SONAME for the loader.
fn add_library(command: &mut Command, link: Link, folder: &Path) {
    match link {
        Link::Shared => {
            let library = artefact("libpusher.so");
            symlink(&library, folder.join("libpusher.so")).expect("a link can be made");
            symlink(&library, folder.join("libpusher.so.0")).expect("a link can be made");
            let folder = folder.display();
            command
                .arg(format!("-L{folder}"))
                .arg("-lpusher")
                .arg(format!("-Wl,-rpath,{folder}"));
        }
        Link::Static => {
            command.arg(artefact("libpusher.a")).args(SYSTEM_LIBRARIES);
        }
        Link::Races => {
            let library = races::library(&workspace()).unwrap_or_else(|error| panic!("{error:#}"));
            command
                .arg("-fsanitize=thread")
                .arg(workspace().root.join("tests/c/tsan_memory.c"))
                .arg(library)
                .args(SYSTEM_LIBRARIES);
        }
    }
}

/// Returns the symbols that the shared library exports.
#[track_caller]
pub fn exported_symbols(library: &Path) -> Vec<String> {
    let mut command = Command::new("nm");
    command.args(["-D", "--defined-only", "-P"]).arg(library);
    let mut symbols: Vec<String> = program::run(&mut command, RUN_MS)
        .success()
        .lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    symbols.sort();
    symbols
}

/// Returns the shared library's SONAME, if it has one.
#[track_caller]
pub fn soname(library: &Path) -> Option<String> {
    let mut command = Command::new("readelf");
    command
        .arg("-d")
        .arg(fs::canonicalize(library).expect("the library exists"));
    let dynamic = program::run(&mut command, RUN_MS).success();
    let line = dynamic.lines().find(|line| line.contains("(SONAME)"));
    let name = line.and_then(|line| line.split_once('[')?.1.strip_suffix(']'));
    name.map(str::to_owned)
}

//! Programs that publish while the daemon is away: in C, and in PHP with and without the extension.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::c::{Link, Program};
use crate::php::Php;
use crate::program::{self, Ended};
use crate::workspace;

/// Time limit for a program under strace.
const RUN_MS: u64 = 30_000;

/// An address at which no server listens.
const NOBODY: &str = "unix:/nonexistent/publish.sock";

/// Does the same as `tests/c/spool.c`.
const PHP: &str = "
    $event = str_repeat('x', (int) $argv[2]);
    for ($left = (int) $argv[3]; $left > 0;) {
        try {
            Pusher::publish($argv[1], $event);
            $left--;
        } catch (PusherException $e) {
            if (!preg_match('/ is full|has locked/', $e->getMessage())) {
                fwrite(STDERR, $e->getMessage());
                exit(1);
            }
            usleep(1000);
        }
    }
    echo \"spooled\\n\";";

/// A program that publishes.
#[derive(Debug)]
pub enum SpoolWriter {
    /// A C program with libpusher.
    C(Program),
    /// PHP with the extension.
    Extension,
    /// PHP with the fallback.
    Fallback,
}

/// A system call of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its number among the calls of this name, from 1.
    pub number: usize,
    /// The whole line of strace.
    pub line: String,
}

impl SpoolWriter {
    /// Returns one with each code that writes to a spool. The extension has that of libpusher.
    #[track_caller]
    pub fn all() -> [Self; 2] {
        [
            Self::C(Program::compile("spool.c", Link::Shared)),
            Self::Fallback,
        ]
    }

    /// Returns the command that publishes to `topic` an event of `len` bytes, under `wrapper`.
    fn command(&self, wrapper: Command, spool: &Path, topic: &str, len: usize) -> Command {
        let mut command = self.bare_command(wrapper, spool);
        command.args([topic, &len.to_string(), "1"]);
        command
    }

    /// Returns the command without its arguments: topic, length and number of events.
    pub fn bare_command(&self, wrapper: Command, spool: &Path) -> Command {
        let mut command = wrapper;
        match self {
            Self::C(program) => {
                command.arg(program.path());
                command.env("PUSH_ADDRESS", NOBODY).env("PUSH_SPOOL", spool);
            }
            Self::Extension => {
                php(&mut command, Php::with_extension(NOBODY), spool, PHP);
            }
            Self::Fallback => {
                let source = workspace().root.join("php/src/pusher.php");
                let code = format!("require '{}'; {PHP}", source.display());
                let php_alone = Php::plain().set("pusher.address", NOBODY);
                php(&mut command, php_alone, spool, &code);
            }
        }
        command
    }

    /// Publishes an event, which must be spooled.
    #[track_caller]
    pub fn spools(&self, spool: &Path, topic: &str) {
        let command = &mut self.command(Command::new("env"), spool, topic, 1);
        assert_eq!(program::run(command, RUN_MS).success(), "spooled\n");
    }

    /// Runs the program under strace, with these options.
    #[track_caller]
    pub fn under_strace(&self, options: &[&str], spool: &Path, topic: &str, len: usize) -> Ended {
        let mut strace = Command::new("strace");
        strace.args(options).arg("--");
        program::run(&mut self.command(strace, spool, topic, len), RUN_MS)
    }

    /// Returns the system calls of a publish, from the first one that names the spool.
    #[track_caller]
    pub fn calls(&self, spool: &Path) -> Vec<Call> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log: PathBuf = folder.path().join("calls");
        let options = ["-qq", "-s", "4096", "-o", &log.display().to_string()];
        let ended = self.under_strace(&options, spool, "t", 1);
        assert_eq!(ended.success(), "spooled\n");
        let text = std::fs::read_to_string(log).expect("strace writes it");
        let mut calls: Vec<Call> = Vec::new();
        for line in text.lines() {
            let Some((name, _)) = line.split_once('(') else {
                continue;
            };
            let number = 1 + calls.iter().filter(|call| call.name == name).count();
            calls.push(Call {
                name: name.to_owned(),
                number,
                line: line.to_owned(),
            });
        }
        let spool = format!("\"{}", spool.display());
        let is_of_spool = |call: &Call| call.name != "execve" && call.line.contains(&spool);
        let first = calls.iter().position(is_of_spool);
        calls.split_off(first.expect("it opens the spool"))
    }
}

/// Appends PHP with this code. php.ini is not read.
fn php(command: &mut Command, php: Php, spool: &Path, code: &str) {
    let php = php
        .set("pusher.spool", spool.display())
        .set("pusher.on_failure", "exception")
        .command();
    command
        .arg(php.get_program())
        .arg("-n")
        .args(php.get_args());
    command.args(["-r", code, "--"]);
}

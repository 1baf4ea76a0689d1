//! A program that runs to its end, within a deadline.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use xtask::process::{Background, shown};

/// The exit status and the output of a program.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// Returns the standard output of a program that must have succeeded.
    #[track_caller]
    pub fn success(self) -> String {
        assert!(
            self.status.success(),
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// Runs `command` to its end. After `deadline_ms` it kills the program and fails the test.
#[track_caller]
pub fn run(command: &mut Command, deadline_ms: u64) -> Ended {
    let line = shown(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Cargo sets it for tests. Programs must not load libraries from the debug build.
        .env_remove("LD_LIBRARY_PATH");
    let mut process = Background::start(&line, command).unwrap_or_else(|error| panic!("{error:#}"));
    let stdout = collect(process.child().stdout.take());
    let stderr = collect(process.child().stderr.take());
    let status = process.wait(deadline_ms);
    drop(process);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let Some(status) = status else {
        panic!(
            "`{line}` still ran after {deadline_ms} ms\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
    };
    Ended {
        status,
        stdout,
        stderr,
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A broken pipe still delivered all data before the break.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_returns_output_and_status() {
        let ended = run(
            Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]),
            5_000,
        );
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(
            (ended.stdout.as_str(), ended.stderr.as_str()),
            ("out\n", "err\n")
        );
    }

    #[test]
    #[should_panic(expected = "still ran after 20 ms")]
    fn a_program_that_hangs_fails_the_test() {
        run(Command::new("sleep").arg("60"), 20);
    }
}

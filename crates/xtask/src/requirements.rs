//! Permissions that some tests need and not every machine grants.
//!
//! A test that needs one is in a module named after it, so the test's path shows the need. If the machine does not
//! grant the permission, `cargo xtask test` skips these modules and lists their tests as not run.

use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use nix::unistd::geteuid;

/// A permission that tests may need.
#[derive(Debug)]
pub struct Requirement {
    /// The name of the modules that hold the tests.
    pub module: &'static str,
    /// The message for a machine without the permission.
    pub lack: &'static str,
    probe: Probe,
}

/// How to find out whether a permission is granted.
#[derive(Debug)]
enum Probe {
    /// `unshare` with these arguments succeeds.
    Unshare(&'static [&'static str]),
    /// The same, and the user is root.
    UnshareAsRoot(&'static [&'static str]),
    /// A ring of io_uring can be opened.
    IoUring,
}

/// Permission to make network and process namespaces. Users other than root need user namespaces for it.
pub const NAMESPACES: Requirement = Requirement {
    module: "needs_namespaces",
    lack: "the kernel refuses new namespaces (a container or a chroot without the right to `unshare --net --pid`)",
    probe: Probe::Unshare(&["--net", "--pid", "--fork", "true"]),
};

/// Root's permission to mount filesystems in a namespace.
pub const MOUNTS: Requirement = Requirement {
    module: "needs_mounts",
    lack: "mounting in a new namespace needs root and the right to do it (in a container: `--privileged`)",
    probe: Probe::UnshareAsRoot(&[
        "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "mount", "-t",
        "tmpfs", "none", "/mnt",
    ]),
};

/// Permission to use io_uring.
pub const IO_URING: Requirement = Requirement {
    module: "needs_io_uring",
    lack: "the kernel refuses io_uring (the seccomp filter of a container, or `kernel.io_uring_disabled`)",
    probe: Probe::IoUring,
};

impl Requirement {
    /// Returns an `unshare` command for namespaces of these kinds, `--net` for instance. The caller appends the
    /// program to run in them.
    ///
    /// # Panics
    /// In a test outside a module of the requirement's name.
    #[track_caller]
    pub fn unshare(&self, kinds: &[&str]) -> Command {
        // The test harness names each test's thread after the test.
        if let Some(test) = thread::current().name().filter(|name| name.contains("::")) {
            let module = self.module;
            assert!(
                test.contains(&format!("{module}::")),
                "move {test} into a module `{module}`"
            );
        }
        unshare(kinds)
    }

    fn is_granted(&self) -> bool {
        match self.probe {
            Probe::Unshare(words) => can_unshare(words),
            Probe::UnshareAsRoot(words) => geteuid().is_root() && can_unshare(words),
            Probe::IoUring => has_io_uring(),
        }
    }
}

fn unshare(words: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(words);
    command
}

fn can_unshare(words: &[&str]) -> bool {
    let mut command = unshare(words);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(target_os = "linux")]
fn has_io_uring() -> bool {
    pusher_uring::SendRing::new().is_ok()
}

#[cfg(not(target_os = "linux"))]
fn has_io_uring() -> bool {
    false
}

/// Returns the requirements that this machine does not meet. They are tried once.
pub fn unmet() -> &'static [&'static Requirement] {
    static UNMET: OnceLock<Vec<&Requirement>> = OnceLock::new();
    UNMET.get_or_init(|| {
        let all = [&NAMESPACES, &MOUNTS, &IO_URING];
        all.into_iter()
            .filter(|requirement| !requirement.is_granted())
            .collect()
    })
}

/// Returns the tests of `list`, the output of `cargo test -- --list`, that need one of `unmet`.
pub fn not_run(list: &str, unmet: &[&Requirement]) -> Vec<String> {
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    tests
        .filter(|test| {
            unmet
                .iter()
                .any(|requirement| test.contains(&format!("{}::", requirement.module)))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_run_finds_tests_by_module() {
        let list = "daemon::needs_namespaces::default_ports: test\n\
                    daemon::needs_namespaces_not: test\n\
                    needs_namespaces::of_the_root: test\n\
                    package::needs_mounts::apache: test\n\
                    needs_namespaces::fan_out: benchmark\n\
                    \n4 tests, 1 benchmark\n";
        let namespaces = [
            "daemon::needs_namespaces::default_ports",
            "needs_namespaces::of_the_root",
        ];
        assert_eq!(not_run(list, &[&NAMESPACES]), namespaces);
        assert_eq!(not_run(list, &[&NAMESPACES, &MOUNTS]).len(), 3);
        assert!(not_run(list, &[]).is_empty());
    }

    #[test]
    fn a_refused_probe_is_an_unmet_requirement() {
        let refused = Requirement {
            probe: Probe::Unshare(&["--net", "false"]),
            ..NAMESPACES
        };
        assert!(!refused.is_granted());
    }

    #[test]
    #[should_panic(expected = "move requirements::tests::")]
    fn a_test_in_another_module_panics() {
        NAMESPACES.unshare(&["--net"]);
    }
}

//! Writers of the spool that are killed, and writers whose system calls fail: in C and in PHP without the extension.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};
use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::nodes::metric;
use system_tests::program;
use system_tests::publisher::Publisher;
use system_tests::spool_writer::{Call, SpoolWriter};
use xtask::http;
use xtask::process::wait_until;

/// Time limit for a writer of many large events.
const LARGE_MS: u64 = 120_000;

/// Drains a spool of these records. Returns the daemon.
#[track_caller]
fn drained(records: &[u8]) -> Daemon {
    let spool = tempfile::tempdir().unwrap();
    fs::write(spool.path().join("spool"), records).unwrap();
    drained_in(spool.path())
}

/// Drains this spool. Returns the daemon.
#[track_caller]
fn drained_in(spool: &Path) -> Daemon {
    let daemon = Daemon::start_with(&["--spool-dir", spool.to_str().unwrap()]);
    assert!(wait_until(WAIT_MS, || is_drained(spool)), "it is drained");
    daemon
}

fn is_drained(spool: &Path) -> bool {
    let names = fs::read_dir(spool).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name());
    names.all(|name| name.to_string_lossy().starts_with("set-aside"))
}

/// Returns the events of a topic.
#[track_caller]
fn history(daemon: &Daemon, topic: &str) -> Vec<Value> {
    let response = http::get(daemon.publish, &format!("/history/{topic}?limit=1000"));
    let history: Value = serde_json::from_str(&response.unwrap().text()).unwrap();
    let events = history["events"].as_array().unwrap();
    events.iter().map(|entry| entry["event"].clone()).collect()
}

/// The records in a directory.
fn records(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("spool")).unwrap_or_default()
}

/// A writer is killed with `kill -9` before each of its system calls, in an empty spool and in one that has a record.
/// Other writers spool before and after it.
#[test]
fn a_killed_writer_loses_no_record_that_it_has_spooled_and_none_of_others() {
    let writers = SpoolWriter::all();
    let mut spooled = Vec::new();
    let mut killed = Vec::new();
    for (index, writer) in writers.iter().enumerate() {
        let other = &writers[1 - index];
        for has_record in [false, true] {
            let spool = |number: usize| {
                let dir = tempfile::tempdir().unwrap();
                if has_record {
                    other.spools(dir.path(), &format!("before{number}"));
                }
                dir
            };
            for call in writer.calls(spool(0).path()) {
                let number = killed.len();
                let dir = spool(number);
                let inject = format!("inject={}:signal=KILL:when={}", call.name, call.number);
                let options = ["-qq", "-o", "/dev/null", "-e", &inject];
                let ended =
                    writer.under_strace(&options, dir.path(), &format!("killed{number}"), 1);
                other.spools(dir.path(), &format!("after{number}"));
                spooled.extend(records(dir.path()));
                killed.push((call, has_record, ended));
            }
        }
    }
    // The records of all directories, as if one writer after the other had been killed.
    let daemon = drained(&spooled);
    for (number, (call, has_record, ended)) in killed.iter().enumerate() {
        let events = |name| history(&daemon, &format!("{name}{number}"));
        let one = vec![json!("x")];
        assert_eq!(events("before") == one, *has_record, "{call:?}");
        assert_eq!(events("after"), one, "{call:?}");
        let written = events("killed");
        assert!(
            written.is_empty() || written == one,
            "{call:?}: {written:?}"
        );
        if ended.stdout.contains("spooled") {
            assert_eq!(written, one, "{call:?}");
        }
    }
    for name in ["openat", "flock", "write", "close"] {
        let mut of_name = killed.iter().filter(|(call, ..)| call.name == name);
        assert!(
            of_name.any(|(_, _, ended)| !ended.status.success()),
            "{name}"
        );
    }
}

/// The error that strace makes a call return, and a part of the text for the caller.
const FAILURES: [(&str, &str, &str); 12] = [
    ("openat", "error=EROFS", "Read-only file system"),
    ("openat", "error=ENOSPC", "No space left on device"),
    ("openat", "error=EDQUOT", "Disk quota exceeded"),
    ("openat", "error=EMFILE", "Too many open files"),
    ("openat", "error=EACCES", "this user may not write to"),
    ("flock", "error=ENOLCK", "the spool"),
    ("flock", "error=EIO", "the spool"),
    ("write", "error=ENOSPC", "No space left on device"),
    ("write", "error=EDQUOT", "Disk quota exceeded"),
    ("write", "error=EIO", "Input/output error"),
    ("write", "error=EROFS", "Read-only file system"),
    ("write", "retval=20", "only a part was written"),
];

/// Each failure is an error for the caller, with the reason. The records of others are published.
#[test]
fn a_failing_system_call_is_an_error_and_spools_nothing() {
    let writers = SpoolWriter::all();
    let mut spooled = Vec::new();
    let mut failed = Vec::new();
    for writer in &writers {
        let dir = tempfile::tempdir().unwrap();
        writer.spools(dir.path(), "others");
        let calls = writer.calls(dir.path());
        spooled.extend(records(dir.path()));
        for (name, failure, text) in FAILURES {
            // PHP also opens its own files.
            let part = match name {
                "openat" => "/spool\"",
                "write" => "topic",
                _ => "",
            };
            let mut calls = calls.iter();
            let call = calls.find(|call| call.name == name && call.line.contains(part));
            let call = call.unwrap_or_else(|| panic!("no {name}"));
            let inject = format!("inject={name}:{failure}:when={}", call.number);
            let dir = tempfile::tempdir().unwrap();
            writer.spools(dir.path(), "others");
            let topic = format!("failed{}", failed.len());
            let options = ["-qq", "-o", "/dev/null", "-e", &inject];
            let ended = writer.under_strace(&options, dir.path(), &topic, 1);
            writer.spools(dir.path(), "others");
            spooled.extend(records(dir.path()));
            failed.push((writer, failure, text, topic, ended));
        }
    }
    let daemon = drained(&spooled);
    for (writer, failure, text, topic, ended) in &failed {
        let shown = format!("{writer:?} {failure}: {ended:?}");
        assert!(!ended.status.success(), "{shown}");
        assert!(ended.stderr.contains("is pushd running"), "{shown}");
        assert!(ended.stderr.contains(text), "{shown}");
        assert_eq!(history(&daemon, topic), Vec::<Value>::new(), "{shown}");
    }
    let others = history(&daemon, "others").len();
    assert_eq!(others, writers.len() + 2 * failed.len());
}

/// Another publisher appends a record as long as the writer's right behind it, and the file had one such record before.
/// PHP alone then reads its record back to see whether it is whole.
#[test]
fn a_record_between_two_of_its_length_is_whole() {
    for writer in SpoolWriter::all() {
        let dir = tempfile::tempdir().unwrap();
        let first = writer.calls(dir.path());
        let is_record = |call: &&Call| call.name == "write" && call.line.contains("topic");
        let write = first.iter().find(is_record).unwrap();
        let record = records(dir.path());
        let inject = format!("inject=write:delay_exit=1000000:when={}", write.number);
        let options = ["-qq", "-o", "/dev/null", "-e", &inject];
        let ended = thread::scope(|scope| {
            let writing = scope.spawn(|| writer.under_strace(&options, dir.path(), "t", 1));
            let two = 2 * record.len();
            let has_written = wait_until(WAIT_MS, || records(dir.path()).len() == two);
            let mut spool = OpenOptions::new()
                .append(true)
                .open(dir.path().join("spool"))
                .unwrap();
            spool.write_all(&record).unwrap();
            assert!(has_written, "{writer:?}");
            writing.join().unwrap()
        });
        assert_eq!(ended.success(), "spooled\n", "{writer:?}");
        let daemon = drained_in(dir.path());
        assert_eq!(history(&daemon, "t").len(), 2, "{writer:?}");
    }
}

/// A signal handler runs during a system call of a C program.
#[test]
fn an_interrupted_system_call_is_repeated() {
    let [writer, _] = SpoolWriter::all();
    let dir = tempfile::tempdir().unwrap();
    let calls = writer.calls(dir.path());
    for name in ["openat", "flock", "write"] {
        let call = calls.iter().find(|call| call.name == name).unwrap();
        let inject = format!("inject={name}:error=EINTR:when={}", call.number);
        let options = ["-qq", "-o", "/dev/null", "-e", &inject];
        let ended = writer.under_strace(&options, dir.path(), name, 1);
        assert_eq!(ended.success(), "spooled\n", "{name}");
    }
    let daemon = drained(&records(dir.path()));
    for name in ["openat", "flock", "write"] {
        assert_eq!(history(&daemon, name), [json!("x")], "{name}");
    }
}

/// C, PHP with the extension and PHP alone write large events at once, faster than the daemon drains: also to a full spool.
#[test]
fn eight_writers_tear_no_record() {
    const EVENTS: u64 = 400;
    let [c, fallback] = SpoolWriter::all();
    let extension = SpoolWriter::Extension;
    let writers = [
        &c, &c, &c, &extension, &extension, &fallback, &fallback, &fallback,
    ];
    let spool = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(&["--spool-dir", spool.path().to_str().unwrap()]);
    thread::scope(|scope| {
        let running: Vec<_> = writers
            .iter()
            .enumerate()
            .map(|(number, writer)| {
                let mut command = writer.bare_command(Command::new("env"), spool.path());
                command.args([&format!("t{number}"), "100000", &EVENTS.to_string()]);
                scope.spawn(move || program::run(&mut command, LARGE_MS).success())
            })
            .collect();
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.send(b"[1,1]");
        publisher.answer();
        while !running.iter().all(|writer| writer.is_finished()) {
            // More often than once a second. The daemon answers when it has drained the spool, or after a while.
            publisher.send(b"[8,1]");
            publisher.answer();
        }
    });
    assert!(wait_until(LARGE_MS, || is_drained(spool.path())));
    let count = writers.len() as u64 * EVENTS;
    assert_eq!(metric(&daemon, "pushd_spool_drained_total"), count);
    for other in ["set_aside", "refused", "expired"] {
        assert_eq!(metric(&daemon, &format!("pushd_spool_{other}_total")), 0);
    }
}

mod needs_mounts {
    //! A disk that is really full, and one that is really read-only.

    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown};

    use serde_json::json;
    use system_tests::program;
    use system_tests::spool_writer::SpoolWriter;
    use xtask::requirements::MOUNTS;

    use super::{drained, history, records};

    const RUN_MS: u64 = 30_000;

    /// The event is longer than the disk, so that a part of it is written. Then there is room again, and then the disk is
    /// read-only.
    const SCRIPT: &str = "
        mount -t tmpfs -o size=64k none \"$DIR\" || exit 2
        \"$@\" long 100000 1 && exit 3
        test \"$(stat -c %s \"$DIR/spool\")\" -gt 1000 || exit 4
        # Only the daemon makes room, by taking the file.
        mv \"$DIR/spool\" \"$OUT/spool\"
        \"$@\" short 1 1 || exit 5
        mount -o remount,ro \"$DIR\"
        \"$@\" never 1 1 && exit 6
        cat \"$DIR/spool\" >> \"$OUT/spool\"";

    #[test]
    fn on_a_full_disk_or_a_read_only_one_nothing_half_written_is_published() {
        for writer in SpoolWriter::all() {
            let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let mut wrapper = MOUNTS.unshare(&["--mount"]);
            wrapper.args(["sh", "-c", SCRIPT, "sh"]);
            wrapper.env("DIR", dir.path()).env("OUT", out.path());
            let ended = program::run(&mut writer.bare_command(wrapper, dir.path()), RUN_MS);
            assert!(ended.status.success(), "{writer:?} {ended:?}");
            for reason in ["only a part was written", "Read-only file system"] {
                assert!(ended.stderr.contains(reason), "{writer:?} {ended:?}");
            }
            let daemon = drained(&records(out.path()));
            let events = ["long", "short", "never"].map(|topic| history(&daemon, topic));
            assert_eq!(events, [vec![], vec![json!("x")], vec![]], "{writer:?}");
        }
    }

    /// The owner is checked by the numbers of user and group: nobody has these.
    #[test]
    fn a_file_of_a_stranger_is_set_aside() {
        const STRANGER: u32 = 1_234_567;
        const GROUP: u32 = 1_234_568;
        let [writer, _] = SpoolWriter::all();
        for (gid, is_published) in [(STRANGER, false), (GROUP, true)] {
            let dir = tempfile::tempdir().unwrap();
            chown(dir.path(), None, Some(GROUP)).unwrap();
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o2770)).unwrap();
            writer.spools(dir.path(), "t");
            chown(dir.path().join("spool"), Some(STRANGER), Some(gid)).unwrap();
            let daemon = super::drained_in(dir.path());
            assert_eq!(history(&daemon, "t").len(), usize::from(is_published));
            let log = daemon.log();
            let reason = "it has neither the owner nor the group of the directory";
            assert_eq!(log.contains(reason), !is_published, "{log}");
        }
    }
}

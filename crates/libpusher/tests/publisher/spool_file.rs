//! The file of the spool: its limit, its lock, and other writers.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use crate::spool::{absent, events, options, records};
use pusher::c_api::codes::*;
use pusher::{Error, Event, Publisher};
use pusher_proto::limits::SPOOL_LEN_MAX;
use pusher_proto::spool::TEMPORARY;
use tempfile::TempDir;

/// The error of a publish that cannot be spooled.
fn failure(dir: &Path) -> String {
    let mut publisher = Publisher::new(options(absent(), dir));
    let error = publisher.publish("t", "1").unwrap_err();
    assert!(matches!(error, Error::NotSpooled { .. }), "{error}");
    assert_eq!(error.code(), PUSH_ECONNECT, "the error of the publish");
    assert!(!error.is_callers_mistake() && !error.may_be_published());
    let text = error.to_string();
    assert!(text.contains("is pushd running"), "{text}");
    text
}

#[test]
fn a_full_spool_takes_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("spool");
    let file = File::create(&path).unwrap();
    file.set_len(SPOOL_LEN_MAX).unwrap();
    let text = failure(dir.path());
    assert!(
        text.contains("is full: it has 16777216 of 16777216"),
        "{text}"
    );
    assert_eq!(fs::metadata(&path).unwrap().len(), SPOOL_LEN_MAX);
    // One byte too few for the record.
    file.set_len(SPOOL_LEN_MAX - 50).unwrap();
    assert!(failure(dir.path()).contains("is full"));
    file.set_len(SPOOL_LEN_MAX - 500).unwrap();
    let mut publisher = Publisher::new(options(absent(), dir.path()));
    assert!(publisher.publish("t", "1").unwrap().spooled);
}

/// A writer would wait for the reader of a pipe.
#[test]
fn a_pipe_takes_nothing_and_does_not_hang() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("spool");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let expect = format!("the spool {} is not a regular file", path.display());
    let text = failure(dir.path());
    assert!(text.contains(&expect), "{text}");
    // With a reader, it can be opened.
    let mut both = fs::OpenOptions::new();
    let _reader = both.read(true).write(true).open(&path).unwrap();
    let text = failure(dir.path());
    assert!(text.contains(&expect), "{text}");
}

#[test]
fn a_missing_directory_is_named() {
    let dir = TempDir::new().unwrap();
    let missing = dir.path().join("missing");
    let text = failure(&missing);
    let expect = format!("the spool directory {} does not exist", missing.display());
    assert!(text.contains(&expect), "{text}");
}

#[test]
fn other_errors_of_the_system_are_named() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    File::create(&file).unwrap();
    assert!(failure(&file).contains("can't write to the spool"));
    fs::create_dir(dir.path().join("spool")).unwrap();
    let text = failure(dir.path());
    assert!(text.contains("is not a regular file"), "{text}");
}

/// A user that is root may write everywhere, so the directory is one that even root cannot change.
#[test]
fn a_directory_without_permission_is_named() {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o500)).unwrap();
    let read_only = match File::create(dir.path().join("try")) {
        Ok(_) => Path::new("/proc/self"),
        Err(_) => dir.path(),
    };
    let text = failure(read_only);
    let is_named = text.contains("this user may not write") || text.contains("can't write to");
    assert!(is_named, "{text}");
}

#[test]
fn the_file_belongs_to_the_group_whatever_the_umask_is() {
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(options(absent(), dir.path()));
    assert!(publisher.publish("t", "1").unwrap().spooled);
    let mode = fs::metadata(dir.path().join("spool"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o7777, 0o660);
    let names = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(names, 1, "the temporary name is removed");
}

#[test]
fn a_locked_file_is_an_error_after_a_short_wait() {
    let dir = TempDir::new().unwrap();
    let file = File::create(dir.path().join("spool")).unwrap();
    file.lock().unwrap();
    let text = failure(dir.path());
    assert!(text.contains("another program has locked"), "{text}");
    assert_eq!(file.metadata().unwrap().len(), 0);
}

/// The daemon has renamed and locked the file while a writer had it open.
#[test]
fn a_renamed_file_gets_no_records() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("spool");
    let writer = {
        let options = options(absent(), dir.path());
        move |name: usize| {
            let mut publisher = Publisher::new(options.clone());
            for number in 0..500 {
                let json = format!("\"{name}-{number}\"");
                assert!(publisher.publish("t", &json).unwrap().spooled);
            }
        }
    };
    let mut found = Vec::new();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|name| {
                scope.spawn({
                    let writer = &writer;
                    move || writer(name)
                })
            })
            .collect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            found.extend(drain(dir.path(), &path));
        }
    });
    found.extend(drain(dir.path(), &path));
    for name in 0..2 {
        let expect: Vec<_> = (0..500)
            .map(|number| format!("\"{name}-{number}\""))
            .collect();
        let start = format!("\"{name}-");
        let of_writer: Vec<_> = found
            .iter()
            .filter(|json| json.starts_with(&start))
            .collect();
        assert_eq!(of_writer, expect.iter().collect::<Vec<_>>());
    }
    assert_eq!(found.len(), 1000);
}

/// Takes the events out of the spool, as the daemon does.
fn drain(dir: &Path, path: &Path) -> Vec<String> {
    let drained = dir.join("drained");
    fs::create_dir_all(&drained).unwrap();
    let is_taken = fs::rename(path, drained.join("spool")).is_ok();
    for entry in fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().path();
        if name.to_string_lossy().contains(TEMPORARY) {
            // Its publisher may have removed it.
            let _gone = fs::remove_file(name);
        }
    }
    if !is_taken {
        return Vec::new();
    }
    let file = File::open(drained.join("spool")).unwrap();
    file.lock().unwrap();
    events(&drained)
}

#[test]
fn no_record_is_torn_by_other_writers() {
    const WRITERS: usize = 8;
    const RECORDS: usize = 15;
    let dir = TempDir::new().unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let mut publisher = Publisher::new(options(absent(), dir.path()));
            scope.spawn(move || {
                let fill = char::from(b'a' + writer as u8).to_string().repeat(100_000);
                let json = format!("\"{fill}\"");
                for _ in 0..RECORDS {
                    let event = Event {
                        latest: true,
                        ..Event::new("t", &json)
                    };
                    assert!(publisher.publish_event(&event).unwrap().spooled);
                }
            });
        }
    });
    let whole = records(dir.path(), |record| {
        let fill = &record.event[1..record.event.len() - 1];
        assert_eq!(fill.len(), 100_000);
        fill.bytes().all(|byte| byte == fill.as_bytes()[0])
    });
    assert_eq!(whole, [true; WRITERS * RECORDS]);
}

//! Directories that cannot be used, and what else is in them.

use std::fs;
use std::io::ErrorKind;

use super::super::faults::{FaultPlan, StoreFault};
use super::super::header::HEADER_LEN;
use super::*;

fn error(path: &Path) -> String {
    let error = try_open(path, OPTIONS, BOOT).unwrap_err();
    error.to_string()
}

#[test]
fn second_server_is_refused() {
    let folder = folder();
    let first = open(folder.path());
    assert_eq!(
        error(folder.path()),
        format!(
            "another server uses the state directory {}: stop it, or give each server a directory of its own",
            folder.path().display()
        )
    );
    drop(first);
    open(folder.path());
}

#[test]
fn newer_format_is_left_alone() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    append(&mut store, &events(1..=9)).unwrap();
    drop(store);
    let names = segments(folder.path());
    let newest = folder.path().join(names.last().unwrap());
    let mut bytes = fs::read(&newest).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(&newest, &bytes).unwrap();
    // Damage in another file must not lead to the removal of this one.
    let oldest = folder.path().join(&names[0]);
    fs::write(&oldest, [0; HEADER_LEN]).unwrap();
    assert_eq!(
        error(folder.path()),
        format!(
            "{} has version 2 of the format, and this program reads only version 1: install the newer program again, or \
             move the files of the directory away, which loses their events",
            newest.display()
        )
    );
    assert_eq!(segments(folder.path()), names);
    assert_eq!(fs::read(&newest).unwrap(), bytes);
}

#[test]
fn foreign_files_are_ignored_and_reported() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    append(&mut store, &events([1])).unwrap();
    drop(store);
    let foreign = [
        "notes.txt",
        "1.events",
        "0000000000000000000x.events",
        "99999999999999999999.events",
        "00000000000000000001.events.bak",
    ];
    for name in foreign {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    fs::create_dir(folder.path().join("00000000000000000002.events")).unwrap();
    let opened = open(folder.path());
    assert_eq!(opened.events, events([1]));
    let notes = &opened.recovered.notes;
    let [Note::Killed, Note::ForeignFiles { count: 6, .. }] = notes.as_slice() else {
        panic!("{notes:?}");
    };
    for name in foreign {
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"x");
    }
}

#[test]
fn path_of_a_file_is_refused() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let error = error(&path);
    assert!(
        error.starts_with(&format!("cannot create {}: ", path.display())),
        "{error}"
    );
}

#[test]
fn every_failing_call_names_the_path() {
    let remedies = [
        (ErrorKind::PermissionDenied, "must belong to the user"),
        (
            ErrorKind::ReadOnlyFilesystem,
            "the file system is read-only",
        ),
        (ErrorKind::StorageFull, "free some space"),
    ];
    for (kind, remedy) in remedies {
        let mut at = 1;
        loop {
            let folder = folder();
            let mut store = open(folder.path()).store;
            append(&mut store, &events(1..=3)).unwrap();
            drop(store);
            let fault = StoreFault::Fails { at, count: 1 };
            FaultPlan::new(fault).with_error(kind).begin();
            let result = try_open(folder.path(), OPTIONS, BOOT);
            FaultPlan::end();
            let Err(error) = result else { break };
            let error = error.to_string();
            assert!(error.starts_with("cannot "), "{at}: {error}");
            assert!(
                error.contains(folder.path().to_str().unwrap()),
                "{at}: {error}"
            );
            assert!(error.contains(remedy), "{at}: {error}");
            at += 1;
        }
        assert!(at > 12, "{at}");
    }
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn only_the_user_has_access_to_new_files() {
        let folder = folder();
        let path = folder.path().join("a/b");
        open(&path);
        assert_eq!(mode(&path), 0o700);
        let files = fs::read_dir(&path).unwrap();
        let modes: Vec<_> = files.map(|file| mode(&file.unwrap().path())).collect();
        assert_eq!(modes, [0o600, 0o600]);
    }

    #[test]
    fn directory_of_another_user_is_refused() {
        let user = nix::unistd::geteuid().as_raw();
        let folder = folder();
        // root can give a directory away. For other users, /usr is one that belongs to root.
        let (path, owner) = match user {
            0 => (folder.path(), 1),
            _ => (Path::new("/usr"), 0),
        };
        if user == 0 {
            chown(path, Some(owner), None).unwrap();
        }
        let path_text = path.display();
        assert_eq!(
            error(path),
            format!(
                "the state directory {path_text} belongs to the user with id {owner}, and the server runs as {user}: \
                 run it as that user, or `chown -R {user} {path_text}`"
            )
        );
    }

    #[test]
    fn directory_that_others_can_change_is_refused() {
        let folder = folder();
        for (mode, is_refused) in [
            (0o777, true),
            (0o770, true),
            (0o702, true),
            (0o755, false),
            (0o2750, false),
        ] {
            fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).unwrap();
            match try_open(folder.path(), OPTIONS, BOOT) {
                Ok(_) => assert!(!is_refused, "{mode:o}"),
                Err(error) => {
                    assert!(is_refused, "{mode:o}");
                    let path = folder.path().display();
                    let expected = format!(
                        "other users can write to the state directory {path} (mode {mode:o}): run `chmod go-w {path}`"
                    );
                    assert_eq!(error.to_string(), expected);
                }
            }
        }
    }
}

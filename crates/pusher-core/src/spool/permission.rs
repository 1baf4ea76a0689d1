//! Decides whether the owner of a file may publish.
//!
//! Who can make files in the directory may publish. The kernel checks that when a publisher makes the file. But a file
//! can come from elsewhere: by a link, or by a user who moves another user's file. In a setgid directory, new files get
//! the group of the directory, and only a member of this group can give it to another file.

use std::fs::Metadata;

const ROOT: u32 = 0;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_SEARCH: u32 = 0o001;

/// Returns why the records of `file` are not published, or `None` if they are.
pub(super) fn refusal(directory: &Metadata, file: &Metadata) -> Option<&'static str> {
    if !file.is_file() {
        return Some("it is not a regular file");
    }
    Attributes::of(file).refusal(Attributes::of(directory))
}

/// Owner and mode of a file or a directory.
#[derive(Debug, Clone, Copy)]
struct Attributes {
    uid: u32,
    gid: u32,
    mode: u32,
    name_count: u64,
}

impl Attributes {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self {
            uid: metadata.uid(),
            gid: metadata.gid(),
            mode: metadata.mode(),
            name_count: metadata.nlink(),
        }
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self {
            uid: ROOT,
            gid: 0,
            mode: 0,
            name_count: 1,
        }
    }

    fn refusal(self, directory: Self) -> Option<&'static str> {
        let has = |attributes: Self, bits| attributes.mode & bits != 0;
        if self.name_count != 1 {
            return Some("it has other names (hard links)");
        }
        if has(directory, OTHERS_WRITE) {
            // Every user can make files here.
            return None;
        }
        if has(directory, OTHERS_SEARCH) && has(self, OTHERS_WRITE) {
            return Some("every user can write to it");
        }
        let is_of_member = self.gid == directory.gid;
        let is_of_owner = [ROOT, directory.uid].contains(&self.uid);
        (!is_of_member && !is_of_owner)
            .then_some("it has neither the owner nor the group of the directory")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUSHD: u32 = 100;
    const SPOOL_GROUP: u32 = 200;
    const SITE: u32 = 33;
    const STRANGER: u32 = 1000;

    fn is_refused(directory_mode: u32, (uid, gid, mode): (u32, u32, u32)) -> bool {
        let directory = Attributes {
            uid: PUSHD,
            gid: SPOOL_GROUP,
            mode: directory_mode,
            name_count: 2,
        };
        let file = Attributes {
            uid,
            gid,
            mode,
            name_count: 1,
        };
        file.refusal(directory).is_some()
    }

    #[test]
    fn files_of_those_who_can_write_to_the_directory_are_accepted() {
        for file in [
            (SITE, SPOOL_GROUP, 0o660),
            // The number of the group is enough: a container has its own users.
            (STRANGER, SPOOL_GROUP, 0o644),
            (PUSHD, PUSHD, 0o600),
            (ROOT, ROOT, 0o644),
            // The directory keeps others away from it.
            (SITE, SPOOL_GROUP, 0o666),
        ] {
            assert!(!is_refused(0o2770, file), "{file:?}");
        }
    }

    #[test]
    fn files_of_others_are_refused() {
        for (mode, file) in [
            (0o2770, (STRANGER, STRANGER, 0o660)),
            (0o2770, (SITE, SITE, 0o660)),
            (0o2775, (STRANGER, STRANGER, 0o644)),
            (0o2771, (SITE, SPOOL_GROUP, 0o666)),
        ] {
            assert!(is_refused(mode, file), "{mode:o} {file:?}");
        }
    }

    #[test]
    fn every_user_may_publish_in_a_directory_that_all_can_write_to() {
        assert!(!is_refused(0o777, (STRANGER, STRANGER, 0o644)));
    }
}

//! Groups of the system, by name or number.

/// Why there is no such group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("this system has no group {0} (`getent group` lists the groups)")]
    Unknown(String),
    #[cfg(unix)]
    #[error("cannot look up the group {name}: {source}")]
    LookUp {
        name: String,
        source: nix::errno::Errno,
    },
}

/// Returns the number of a group, which is given by name or number.
pub(crate) fn find(group: &str) -> Result<u32, GroupError> {
    group.parse().or_else(|_| find_name(group))
}

#[cfg(unix)]
fn find_name(name: &str) -> Result<u32, GroupError> {
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(GroupError::Unknown(name.to_owned())),
        Err(source) => Err(GroupError::LookUp {
            name: name.to_owned(),
            source,
        }),
    }
}

#[cfg(not(unix))]
fn find_name(name: &str) -> Result<u32, GroupError> {
    Err(GroupError::Unknown(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_name_and_number() {
        assert_eq!(find("0"), Ok(0));
        assert_eq!(find("root"), Ok(0));
        let name = "no-such-group".to_owned();
        assert_eq!(find(&name), Err(GroupError::Unknown(name)));
    }
}

//! Groups of the system, by name.

/// The number of a group that is given by its name or its number.
pub(crate) fn find(group: &str) -> Result<u32, String> {
    group.parse().or_else(|_| find_name(group))
}

#[cfg(unix)]
fn find_name(name: &str) -> Result<u32, String> {
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(format!("this system has no group {name}")),
        Err(error) => Err(format!("cannot look the group {name} up: {error}")),
    }
}

#[cfg(not(unix))]
fn find_name(_name: &str) -> Result<u32, String> {
    Err("groups are a matter of unix".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(find("0"), Ok(0));
        assert_eq!(find("root"), Ok(0));
        assert!(find("no-such-group").is_err());
    }
}

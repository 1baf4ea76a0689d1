//! Versions of the header that a program was compiled with, and of the running library.

use std::ffi::{CStr, c_char, c_int};

/// The version of this header, MAJOR.MINOR.PATCH, for #if. The running library may have another one.
/// While MAJOR is 0, recompile programs when MINOR changes.
pub const PUSH_VERSION_MAJOR: c_int = 0;

/// See PUSH_VERSION_MAJOR.
pub const PUSH_VERSION_MINOR: c_int = 1;

/// See PUSH_VERSION_MAJOR.
pub const PUSH_VERSION_PATCH: c_int = 0;

/// Returns the version of the running library, "0.1.0" for example. Never NULL. Valid for the life of
/// the program.
#[unsafe(no_mangle)]
pub extern "C" fn push_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => panic!("cargo's version has no NUL inside"),
        };
    VERSION.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_match_cargo() {
        let header = [PUSH_VERSION_MAJOR, PUSH_VERSION_MINOR, PUSH_VERSION_PATCH];
        let header = header.map(|number| number.to_string()).join(".");
        assert_eq!(header, env!("CARGO_PKG_VERSION"));
        // SAFETY: it is a static string.
        let library = unsafe { CStr::from_ptr(push_version()) };
        assert_eq!(library.to_str().unwrap(), header);
    }
}

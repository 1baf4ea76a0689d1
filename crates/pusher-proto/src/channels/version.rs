//! The version of the protocol, which a client names in the query of its connection.

use super::ErrorCode;

/// The versions that the server speaks. Version 7 added `activity_timeout`, which older clients ignore.
const VERSIONS: [u32; 2] = [6, 7];

/// Checks the parameter `protocol` of `/app/KEY?protocol=7`. If it fails, send `pusher:error` and close with the code.
pub fn check_version(query: &str) -> Result<(), ErrorCode> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let (_, version) = parameters
        .find(|(key, _)| key == "protocol")
        .ok_or(ErrorCode::NoVersion)?;
    match version.parse() {
        Ok(version) if VERSIONS.contains(&version) => Ok(()),
        Ok(_) => Err(ErrorCode::Version),
        Err(_) => Err(ErrorCode::VersionFormat),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_6_and_7_are_spoken() {
        for (query, result) in [
            ("protocol=7&client=js&version=8.6.0&flash=false", Ok(())),
            ("client=x&protocol=6", Ok(())),
            ("protocol=5", Err(ErrorCode::Version)),
            ("protocol=8", Err(ErrorCode::Version)),
            ("protocol=", Err(ErrorCode::VersionFormat)),
            ("protocol=seven", Err(ErrorCode::VersionFormat)),
            ("", Err(ErrorCode::NoVersion)),
            ("version=7", Err(ErrorCode::NoVersion)),
        ] {
            assert_eq!(check_version(query), result, "{query}");
        }
    }
}

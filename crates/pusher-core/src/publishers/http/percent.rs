//! Percent-encoding in paths.

use percent_encoding::percent_decode_str;

use super::answer::HttpRefusal;

/// Decodes a part of a path. The error calls it by its name.
pub(super) fn decode(path: &str, name: &str) -> Result<String, HttpRefusal> {
    check_percent_encoding(path)?;
    let decoded = percent_decode_str(path).decode_utf8();
    let invalid = |_| HttpRefusal::bad_request(format!("the {name} is not valid UTF-8"));
    Ok(decoded.map_err(invalid)?.into_owned())
}

/// Refuses a `%` without two hexadecimal digits, which `percent_decode_str` would leave unchanged.
fn check_percent_encoding(path: &str) -> Result<(), HttpRefusal> {
    for (at, _) in path.match_indices('%') {
        let digits = path.as_bytes().get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let invalid: String = path[at..].chars().take(3).collect();
            let reason = format!("{invalid} is not a percent-encoding: write a `%` as %25");
            return Err(HttpRefusal::bad_request(reason));
        }
    }
    Ok(())
}

//! Queries of requests.

use http::request::Parts;

use super::answer::HttpRefusal;

/// Entries of a list in an answer, if the request does not say how many.
pub(super) const LIMIT_DEFAULT: usize = 100;

/// Most entries of a list in an answer.
const LIMIT_MAX: usize = 1000;

/// Returns the parameters of a request and their values, decoded.
pub(super) fn parameters(head: &Parts) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
}

/// Parses the value of `limit`: the most entries of a list in the answer.
pub(super) fn limit(value: &str) -> Result<usize, HttpRefusal> {
    let limit = value.parse().ok();
    let limit = limit.filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit
        .ok_or_else(|| HttpRefusal::bad_request(format!("limit is a number from 1 to {LIMIT_MAX}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_from_1_to_1000() {
        for (value, expected) in [
            ("", None),
            ("0", None),
            ("1", Some(1)),
            ("1000", Some(1000)),
            ("1001", None),
            ("-1", None),
            ("all", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(limit(value).ok(), expected, "{value}");
        }
    }
}

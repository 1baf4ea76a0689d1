//! The topics of a ticket.

/// The characters behind which a pattern may have its `*`.
const SEPARATORS: [char; 4] = ['.', '/', ':', '-'];

/// Whether a text is a topic or a pattern: a `*` may only be its last character, behind a separator. So `user.7*` is none,
/// which would match `user.70`, too.
pub fn is_valid(pattern: &str) -> bool {
    let start = pattern.strip_suffix('*').unwrap_or(pattern);
    let is_prefix = start.len() < pattern.len();
    !start.is_empty() && !start.contains('*') && (!is_prefix || start.ends_with(SEPARATORS))
}

/// Whether a valid pattern matches a topic. Compares bytes: no two spellings of a topic are the same topic.
pub(super) fn matches(pattern: &str, topic: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => topic.starts_with(start),
        None => topic == pattern,
    }
}

//! Durations for people.

use std::time::Duration;

/// Formats a duration in its two largest units.
pub(super) fn duration(seconds: u64) -> String {
    let shown = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    let parts: Vec<&str> = shown.split(' ').take(2).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (3_600, "1h"),
            (93_784, "1day 2h"),
            (7_784_000, "2months 29days"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
    }
}

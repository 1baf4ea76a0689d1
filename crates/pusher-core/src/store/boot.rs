//! The boot of the machine. If it is another one than that of the files, the machine has stopped in between, and what
//! was not synced may be lost.

use std::fs;

use super::header::BootId;

/// Returns the id of this boot. All zeros if the system has none.
pub(super) fn id() -> BootId {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    parse(text.trim()).unwrap_or_default()
}

/// Whether both ids are known and equal.
pub(super) fn is_same(one: BootId, other: BootId) -> bool {
    one == other && one != BootId::default()
}

/// Parses a UUID.
fn parse(text: &str) -> Option<BootId> {
    let digits = text.replace('-', "");
    let number = u128::from_str_radix(&digits, 16).ok()?;
    (digits.len() == 32).then(|| number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_is_parsed() {
        let id = parse("00112233-4455-6677-8899-aabbccddeeff").unwrap();
        assert_eq!(id[..3], [0, 0x11, 0x22]);
        assert_eq!(id[15], 0xff);
        for text in ["", "-", "00112233", "g0112233-4455-6677-8899-aabbccddeeff"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn unknown_boots_are_not_the_same() {
        assert!(is_same([1; 16], [1; 16]));
        assert!(!is_same([1; 16], [2; 16]));
        assert!(!is_same(BootId::default(), BootId::default()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_has_a_boot_id() {
        assert!(is_same(id(), id()));
    }
}

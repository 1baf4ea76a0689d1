//! The second step of a rotation on several machines.

use std::fs;

use crate::support::{publish_listener, pushd};

const OLD: &str = "20260101-000000 0123456789abcdef0123456789abcdef";
const NEW: &str = "20260201-000000 fedcba9876543210fedcba9876543210";

#[test]
fn a_key_that_the_server_does_not_have_is_a_warning() {
    for (status, is_known) in [
        (r#"{"ticket_keys":["20260101-000000"]}"#, false),
        (
            r#"{"ticket_keys":["20260101-000000","20260201-000000"]}"#,
            true,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        fs::write(&file, format!("{OLD}\n{NEW}\n")).unwrap();
        let (address, _requests) = publish_listener("200 OK", status);
        let address = format!("--publish-address={address}");
        let path = file.to_str().unwrap();
        let ended = pushd(&["ticket", "rotate", "--use", &address, path]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, format!("{NEW}\n{OLD}\n"));
        let warning = "pushd does not have the key 20260201-000000";
        assert_eq!(
            ended.stderr.contains(warning),
            !is_known,
            "{}",
            ended.stderr
        );
    }
}

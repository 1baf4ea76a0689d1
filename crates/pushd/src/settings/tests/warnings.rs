//! Settings that are accepted with a warning.

use super::*;

#[cfg(unix)]
#[test]
fn secret_in_a_world_readable_file_causes_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pushd.toml");
    fs::write(&path, "publish-token = 's3cret-token-for-tests'\n").unwrap();
    let sources = Sources {
        file: Some(path.clone()),
        ..Sources::default()
    };
    for (mode, warnings) in [(0o644, 1), (0o640, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let settings = sources.load().unwrap();
        assert_eq!(settings.warnings().count(), warnings, "{mode:o}");
    }
}

#[test]
fn replay_of_more_events_than_the_log_keeps_causes_a_warning() {
    let replay = "replay-on-subscribe = ['price=1', 'chat/*=20', 'log=0']\n";
    for (more, expected) in [
        ("", &[][..]),
        (
            "history-topic-events-max = 19\n",
            &[
                "replay-on-subscribe chat/*=20: new subscribers get 19 events at most, because of history-topic-events-max",
            ],
        ),
        (
            "history-len-max = 0\n",
            &[
                "replay-on-subscribe price=1: new subscribers get 0 events at most, because of history-len-max",
                "replay-on-subscribe chat/*=20: new subscribers get 0 events at most, because of history-len-max",
            ],
        ),
    ] {
        let settings = load(&format!("{replay}{more}"), &[], &[]).unwrap();
        let warnings: Vec<String> = settings.warnings().collect();
        assert_eq!(warnings, expected);
    }
}

/// Clients may send events to these channels only.
#[test]
fn client_events_of_no_channel_are_a_warning() {
    for (pattern, is_useful) in [
        ("*", true),
        ("pri*", true),
        ("private-*", true),
        ("presence-room.*", true),
        ("private-chat", true),
        ("private-cache-*", false),
        ("private-encrypted-*", false),
        ("chat*", false),
        ("chat/*", false),
        ("cache-private-x", false),
    ] {
        let settings = load(&format!("pusher-client-events = ['{pattern}']\n"), &[], &[]).unwrap();
        let warnings: Vec<String> = settings.warnings().collect();
        assert_eq!(warnings.is_empty(), is_useful, "{pattern}: {warnings:?}");
    }
}

#[cfg(unix)]
#[test]
fn password_for_redis_in_a_world_readable_file_causes_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    fs::write(&path, "s3cret\n").unwrap();
    let file = format!(
        "redis = 'redis://h'\nredis-password-file = '{}'\n",
        path.display()
    );
    for (mode, warnings) in [(0o644, 1), (0o640, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let settings = load(&file, &[], &[]).unwrap();
        assert_eq!(settings.warnings().count(), warnings, "{mode:o}");
    }
}

#[cfg(unix)]
#[test]
fn secret_of_pusher_app_in_a_world_readable_file_causes_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "0123456789abcdef\n").unwrap();
    let file = format!("pusher-app = '1:blog:{}'\n", path.display());
    for (mode, warnings) in [(0o644, 1), (0o640, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let settings = load(&file, &[], &[]).unwrap();
        assert_eq!(settings.warnings().count(), warnings, "{mode:o}");
    }
}

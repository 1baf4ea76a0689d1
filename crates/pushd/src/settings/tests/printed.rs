//! How settings and their changes are printed.

use super::*;

#[test]
fn printed_settings_can_be_loaded_again() {
    let file = "listen = ['127.0.0.1:1', '[::1]:2']\nclient-publish = ['chat/*', \"\u{732b}\\\"\"]\n\
                publish-mode = '0600'\nlog = 'warn'\nid-memory = '90s'\nids-len-max = 1000\n\
                history = ['chat/*']\nreplay-on-subscribe = ['chat/a=b=0', 'chat/*=20']\nhistory-len-max = '0B'\n";
    let settings = load(
        file,
        &[("PUSHD_PUBLISH_TOKEN", "s3cret-token-for-tests")],
        &[("log-format", "json")],
    )
    .unwrap();
    let printed = settings.to_string();
    assert!(!printed.contains("s3cret"), "{printed}");
    assert!(
        printed.contains("# publish-token = \"********\"  # environment PUSHD_PUBLISH_TOKEN\n")
    );
    assert!(printed.contains("id-memory = \"1m 30s\"  # /"), "{printed}");
    assert!(printed.contains("pushd.toml:5\n"), "{printed}");
    assert!(printed.contains("log-format = \"json\"  # flag --log-format\n"));
    assert!(printed.contains("ping-interval = \"25s\"  # default\n"));
    let again = load(&printed, &[], &[]).unwrap();
    let values = |settings: &Settings| -> Vec<_> {
        let shown = SETTINGS.iter().filter(|setting| !setting.is_secret);
        shown
            .map(|setting| (setting.name, settings.value(setting).0))
            .collect()
    };
    assert_eq!(values(&again), values(&settings));
    assert_eq!(printed.lines().count(), SETTINGS.len());
}

#[test]
fn changes_are_listed_without_secrets() {
    let before = load(
        "publish-token = 'token-number-one'\nping-interval = '60s'\n",
        &[],
        &[],
    )
    .unwrap();
    let after = load(
        "publish-token = 'token-number-two'\nping-interval = '1m'\ntopics-max = 3\n",
        &[],
        &[],
    )
    .unwrap();
    let changes: Vec<_> = after.changes(&before).collect();
    let shown: Vec<_> = changes
        .iter()
        .map(|(s, old, new)| format!("{} {old} {new}", s.name))
        .collect();
    assert_eq!(
        shown,
        ["publish-token ******** ********", "topics-max 10000 3"]
    );
}

#[test]
fn passwords_in_urls_are_not_printed() {
    let url = "redis://me:s3cret@localhost/1";
    let settings = load("", &[("PUSHD_REDIS", url)], &[]).unwrap();
    let printed = settings.to_string();
    assert!(
        printed.contains("redis = \"redis://me@localhost/1\"  # env"),
        "{printed}"
    );
    assert!(!printed.contains("s3cret"), "{printed}");
    let before = load("", &[], &[]).unwrap();
    let changes: Vec<_> = settings.changes(&before).collect();
    assert_eq!(changes.len(), 1);
    assert!(!format!("{changes:?}").contains("s3cret"), "{changes:?}");
    for wrong in [
        "redis://me:s3cret@localhost:x",
        "redis+sentinel://:s3cret@localhost",
        "reddis://:s3cret@localhost",
        "unix:/run/redis?pass=s3cret",
    ] {
        let mistake = load("", &[], &[("redis", wrong)]).unwrap_err();
        assert!(mistake.starts_with("flag --redis: redis: "), "{mistake}");
        assert!(!mistake.contains("s3cret"), "{mistake}");
    }
}

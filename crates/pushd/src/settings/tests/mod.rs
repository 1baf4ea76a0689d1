//! Where settings come from, and which values they accept.

mod printed;
mod warnings;

use std::collections::{BTreeMap, HashSet};
use std::fs;

use pusher_core::Limits;

use super::names::find;
use super::*;

/// Loads settings from the text of a file, variables and flags.
fn load(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pushd.toml");
    fs::write(&path, file).unwrap();
    let mut sources = Sources {
        file: Some(path),
        ..Sources::default()
    };
    for (variable, value) in environment {
        sources
            .environment
            .push(((*variable).to_owned(), value.into()));
    }
    for (name, value) in flags {
        let values = sources.flags.entry(name).or_default();
        values.push((*value).to_owned());
    }
    sources.load().map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        lines
            .join("\n")
            .replace(&folder.path().display().to_string(), "")
    })
}

/// Returns the fields of the limits: names and values.
fn fields(limits: &Limits) -> BTreeMap<String, String> {
    let text = format!("{limits:#?}");
    let mut fields = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        // Lines with an indent of four are fields. Deeper lines belong to the field before.
        if let Some(field) = line
            .strip_prefix("    ")
            .filter(|field| !field.starts_with([' ', '}', ')', ']']))
        {
            name = field.split(':').next().unwrap_or_default().to_owned();
        }
        fields
            .entry(name.clone())
            .or_insert_with(String::new)
            .push_str(line);
    }
    fields.remove("");
    fields
}

#[test]
fn each_limit_has_a_setting_that_sets_only_it() {
    let defaults = fields(&Limits::default());
    for (field, default) in &defaults {
        let name = field.replace('_', "-");
        let setting = find(&name);
        let setting = setting.unwrap_or_else(|| panic!("the limit {field} is no setting"));
        let mut config = Config::default();
        let values = ["51", "52s", "53KiB"];
        let set = values
            .iter()
            .any(|value| (setting.set)(&mut config, &[value]).is_ok());
        assert!(set, "{name} takes none of {values:?}");
        for (other, value) in fields(&config.options.live.limits) {
            assert_eq!(
                other == *field,
                value != defaults[&other],
                "{name} and {other}: {value}, {default}"
            );
        }
    }
}

#[test]
fn variables_are_named_as_the_manual_says() {
    for (name, expected) in [
        ("listen", "PUSHD_LISTEN"),
        ("publish-token", "PUSHD_PUBLISH_TOKEN"),
        (
            "connections-per-address-max",
            "PUSHD_CONNECTIONS_PER_ADDRESS_MAX",
        ),
    ] {
        assert_eq!(find(name).unwrap().variable(), expected);
    }
}

#[test]
fn each_setting_can_be_given_in_all_three_sources() {
    let mut variables = HashSet::from([variable("config")]);
    for setting in SETTINGS {
        let (name, variable) = (setting.name, setting.variable());
        let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(is_plain, "{name}");
        let value = a_value_of(setting);
        for (file, environment, flags, origin) in [
            (
                format!("{name} = '{value}'\n"),
                &[][..],
                &[][..],
                ":1".to_owned(),
            ),
            (
                String::new(),
                &[(&*variable, value)],
                &[],
                format!("environment {variable}"),
            ),
            (
                String::new(),
                &[],
                &[(name, value)],
                format!("flag --{name}"),
            ),
        ] {
            let settings = load(&file, environment, flags).unwrap();
            let given: Vec<_> = settings.given.iter().collect();
            let [(known, given)] = given[..] else {
                panic!("{name}: {given:?}");
            };
            assert_eq!(*known, name);
            assert!(given.origin.to_string().ends_with(&origin), "{given:?}");
        }
        assert!(
            variables.insert(variable),
            "{name} has no variable of its own"
        );
    }
}

/// Returns a valid value of a setting.
fn a_value_of(setting: &Setting) -> &'static str {
    const VALUES: [&str; 18] = [
        "1:blog:/secret",
        "51",
        "52s",
        "53KiB",
        "1GiB",
        "127.0.0.1:1",
        "600",
        "*",
        "*=drop-oldest",
        "*=20",
        "loopback",
        "info",
        "json",
        "always",
        "never",
        "a-token-for-tests",
        "redis://localhost",
        "https://localhost/",
    ];
    let is_right = |value: &&&str| load("", &[], &[(setting.name, value)]).is_ok();
    let value = VALUES.iter().find(is_right);
    value.unwrap_or_else(|| panic!("none of {VALUES:?} is right for {}", setting.name))
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let file = "ping-interval = '1s'\npong-timeout = '1s'\ntopics-max = 1\n";
    let environment = [("PUSHD_PING_INTERVAL", "2s"), ("PUSHD_PONG_TIMEOUT", "2s")];
    let settings = load(file, &environment, &[("ping-interval", "3s")]).unwrap();
    let limits = &settings.config.options.live.limits;
    assert_eq!(limits.ping_interval.as_secs(), 3);
    assert_eq!(limits.pong_timeout.as_secs(), 2);
    assert_eq!(limits.topics_max, 1);
    assert_eq!(
        limits.handshake_len_max,
        Limits::default().handshake_len_max
    );
    let origin = |name| {
        settings
            .given
            .get(name)
            .map(|given| given.origin.to_string())
    };
    assert_eq!(origin("ping-interval").unwrap(), "flag --ping-interval");
    assert_eq!(
        origin("pong-timeout").unwrap(),
        "environment PUSHD_PONG_TIMEOUT"
    );
    assert!(origin("topics-max").unwrap().ends_with("pushd.toml:3"));
    assert_eq!(origin("headers-max"), None);
}

#[test]
fn lists_have_commas_in_the_environment_and_replace_earlier_lists() {
    let environment = [
        ("PUSHD_LISTEN", "127.0.0.1:1, [::1]:2"),
        ("PUSHD_PUBLISH_HOST", ""),
    ];
    let file = "listen = '127.0.0.1:9'\npublish-host = ['a', 'b']\n";
    let settings = load(file, &environment, &[]).unwrap();
    let listen: Vec<_> = settings
        .config
        .options
        .listen
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(listen, ["127.0.0.1:1", "[::1]:2"]);
    assert!(settings.config.options.live.publish_hosts.is_empty());
    let nowhere = load("listen = []\n", &[], &[]).unwrap_err();
    assert_eq!(
        nowhere,
        "/pushd.toml:1: listen = \"\": at least one value is required"
    );
}

#[test]
fn all_mistakes_are_reported_at_once_with_their_places() {
    let file = "lisen = '127.0.0.1:1'\noutbox-len-max = '1MX'\nlog = ['info', 'warn']\n";
    let environment = [
        ("PUSHD_TOPICS_MAX", "many"),
        ("PUSHD_PUBLISH_TOKEN", "s3 cret"),
    ];
    let mistakes = load(file, &environment, &[("ping-interval", "25")]).unwrap_err();
    let mut lines = mistakes.lines();
    for start in [
        "/pushd.toml:1: unknown setting \"lisen\", did you mean \"listen\"?",
        "/pushd.toml:2: outbox-len-max = \"1MX\": a size is",
        "/pushd.toml:3: log = \"info,warn\": one value is required",
        "environment PUSHD_TOPICS_MAX: topics-max = \"many\": the value must be a whole number",
        "environment PUSHD_PUBLISH_TOKEN: publish-token: a token is",
        "flag --ping-interval: ping-interval = \"25\": a time needs a unit",
    ] {
        let line = lines.next().unwrap();
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(lines.next(), None);
    assert!(
        !mistakes.contains("s3 cret"),
        "the secret is printed: {mistakes}"
    );
}

#[test]
fn mistake_in_an_overridden_value_is_reported() {
    let mistake = load("topics-max = 0\n", &[], &[("topics-max", "5")]).unwrap_err();
    assert_eq!(mistake, "/pushd.toml:1: topics-max = \"0\": the least is 1");
}

#[test]
fn unknown_variable_is_a_mistake_unless_kubernetes_sets_it() {
    let environment = [
        ("PUSHD_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("PUSHD_SERVICE_HOST", "10.0.0.1"),
    ];
    let settings = load("", &environment, &[]).unwrap();
    let warnings: Vec<String> = settings.warnings().collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let names = "environment PUSHD_PORT_8080_TCP, PUSHD_SERVICE_HOST: ignored";
    assert!(warnings[0].starts_with(names), "{warnings:?}");
    for (name, mistake) in [
        (
            "PUSHD_LISTNE",
            "environment PUSHD_LISTNE: unknown setting, did you mean PUSHD_LISTEN?",
        ),
        (
            "PUSHD_PUBLISH_ADDRESS",
            "environment PUSHD_PUBLISH_ADDRESS: unknown setting, did you mean PUSHD_PUBLISH_LISTEN?",
        ),
        ("PUSHD_ZZZ", "environment PUSHD_ZZZ: unknown setting"),
    ] {
        assert_eq!(load("", &[(name, "x")], &[]).unwrap_err(), mistake);
    }
}

#[test]
fn named_file_must_exist() {
    let sources = Sources {
        file: Some("/nonexistent/pushd.toml".into()),
        ..Sources::default()
    };
    let mistakes = sources.load().unwrap_err();
    let text = mistakes[0].to_string();
    assert!(
        text.starts_with("/nonexistent/pushd.toml: cannot read it: No such file"),
        "{text}"
    );
}

#[test]
fn publish_len_max_must_not_be_below_event_len_max() {
    let mistake = load("event-len-max = '4MiB'\n", &[], &[]).unwrap_err();
    assert!(
        mistake.starts_with("/pushd.toml:1: event-len-max is 4194304"),
        "{mistake}"
    );
    load(
        "event-len-max = '4MiB'\npublish-len-max = '5MiB'\n",
        &[],
        &[],
    )
    .unwrap();
}

#[test]
fn log_can_be_switched_off_for_some_topics_or_all() {
    let has_history = |file: &str| {
        let live = load(file, &[], &[]).unwrap().config.options.live;
        let is_kept = |topic| {
            let mut patterns = live.history.iter();
            live.limits.history_len_max > 0 && patterns.any(|pattern| pattern.matches(topic))
        };
        (is_kept("chat/1"), is_kept("news"))
    };
    assert_eq!(has_history(""), (true, true));
    assert_eq!(has_history("history = 'chat/*'\n"), (true, false));
    assert_eq!(has_history("history = []\n"), (false, false));
    assert_eq!(has_history("history-len-max = '0B'\n"), (false, false));
}

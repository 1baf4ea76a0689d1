//! The packaged settings file, `pushd.toml`: each setting of the daemon, in sections with a comment.

use anyhow::{Context, Result, bail};

/// The comment at the beginning of the file.
const HEAD: &str = "\
# The settings of pushd(8). Remove the `# ` before a setting to change it. Most settings are shown with their
# defaults. Those that end with `# example` have no default, and show a possible value.
# `pusherd --help` describes each setting, `pusherd --check` finds mistakes in this file, and
# `systemctl reload pushd` applies it. The log names settings that need a restart.
";

/// The sections, in the order of the daemon's settings: the first setting of each, and its comment.
const SECTIONS: &[(&str, &str)] = &[
    (
        "listen",
        "Where browsers connect. With a certificate, pushd accepts TLS there. Behind a web server that has the\n\
         certificate, use listen = [\"127.0.0.1:8080\"]: see PROXIES.md.",
    ),
    (
        "publish-listen",
        "Where publishers connect. Every program of this machine may publish at the first address. The unix socket\n\
         belongs to the group of /run/pushd, which is the web server's. A token is for other machines.",
    ),
    (
        "public-host",
        "Which pages may connect: pages of the same host, and pages of these origins. Behind a proxy, name the proxy,\n\
         so that pushd knows the addresses of visitors.",
    ),
    (
        "client-publish",
        "What browsers may publish, and what happens to browsers that read too slowly.",
    ),
    (
        "state-dir",
        "What survives a restart: the event log on disk, and events that publishers leave while pushd is away. The\n\
         service of the packages sets both directories: /var/lib/pushd and /var/spool/pushd.",
    ),
    (
        "redis",
        "Several machines that act as one, through Redis: see \"More than one machine\" in OPERATING.md.",
    ),
    (
        "private-topics",
        "Topics for which a page needs a ticket of the site, and topics that show who is subscribed: see \"Private\n\
         topics\" in OPERATING.md.",
    ),
    (
        "pusher-app",
        "Clients of Pusher Channels (pusher-js, laravel-echo) and its server libraries: see CHANNELS.md and\n\
         WEBHOOKS.md. The file has the secret that the site signs with.",
    ),
    (
        "history",
        "The event log: topics whose events a page gets afterwards if it was away, and events that a new subscriber\n\
         gets at once. Its limits are below.",
    ),
    (
        "compression-len-min",
        "Compressed events: for long events on slow lines. SPEED.md has the cost.",
    ),
    (
        "threads",
        "Threads for connections, one per processor by default.",
    ),
    (
        "log",
        "The log goes to standard error. Under systemd, that is the journal.",
    ),
    (
        "connections-max",
        "Limits for browsers: connections, handshakes, and what one browser may send and subscribe to.",
    ),
    (
        "outbox-len-max",
        "Limits for slow browsers: what waits for one browser, and for all of them together.",
    ),
    (
        "ping-interval",
        "How pushd finds browsers that have vanished.",
    ),
    (
        "closing-grace",
        "How long a stop waits for publishers and browsers, and how long pushd waits for the end of one connection.",
    ),
    (
        "publishers-max",
        "Limits for publishers and for the events that they publish.",
    ),
    (
        "id-memory",
        "The ids of publishes, so that a publish that is sent again is not delivered twice.",
    ),
    (
        "backlog-len-max",
        "Events that are accepted and not sent yet. Beyond this, publishers wait.",
    ),
    (
        "history-len-max",
        "Limits of the event log. Beyond them, the oldest events are dropped.",
    ),
    ("redis-wait", "How long a publish waits for Redis."),
    (
        "webhook-timeout",
        "Limits for the requests of pusher-webhook.",
    ),
];

/// A setting that the packages set.
const PACKAGED: (&str, &str) = (
    "publish-listen",
    "[\"127.0.0.1:5555\", \"unix:/run/pushd/publish.sock\"]",
);

/// Possible values for the settings without a default.
const EXAMPLES: &[(&str, &str)] = &[
    ("tls-certificate", "\"/etc/pushd/tls/fullchain.pem\""),
    ("tls-key", "\"/etc/pushd/tls/privkey.pem\""),
    ("publish-group", "\"www-data\""),
    (
        "publish-token",
        "\"REPLACE-by-the-output-of-openssl-rand-hex-32\"",
    ),
    ("publish-host", "[\"push.internal\"]"),
    ("public-host", "[\"www.example.com\"]"),
    ("allow-origin", "[\"https://www.example.com\"]"),
    ("trust-proxy", "[\"loopback\"]"),
    ("client-publish", "[\"chat/*\"]"),
    ("slow-policy", "[\"progress/*=keep-latest\"]"),
    ("state-dir", "\"/var/lib/pushd\""),
    ("spool-dir", "\"/var/spool/pushd\""),
    ("redis", "\"redis://pushd@redis.internal:6379/0\""),
    ("redis-password-file", "\"/etc/pushd/redis-password\""),
    ("private-topics", "[\"user.*\"]"),
    ("presence", "[\"members\"]"),
    ("pusher-app", "\"1:blog:/etc/pushd/pusher-secret\""),
    ("pusher-client-events", "[\"private-chat.*\"]"),
    ("pusher-listen", "[\"10.0.0.1:5556\"]"),
    ("pusher-webhook", "[\"https://www.example.com/webhook\"]"),
    ("pusher-subscription-count", "[\"news\"]"),
    ("replay-on-subscribe", "[\"price=1\", \"chat/*=20\"]"),
    ("compression-len-min", "\"1KiB\""),
    ("io-uring", "\"never\""),
    ("threads", "2"),
];

/// Returns the file, from the daemon's `--print-config` without any settings.
pub(crate) fn from_defaults(printed: &str) -> Result<String> {
    let mut file = HEAD.to_owned();
    let mut sections = SECTIONS.iter();
    let mut next = sections.next();
    for line in printed.lines() {
        let line = line.trim_start_matches("# ");
        let (name, value) = line.split_once(" =").context("a setting without a value")?;
        if let Some((_, comment)) = next.filter(|(first, _)| *first == name) {
            file.push('\n');
            for line in comment.lines() {
                file.push_str(&format!("# {line}\n"));
            }
            next = sections.next();
        }
        let value = value.trim_end_matches("  # default").trim_start();
        file.push_str(&setting(name, value)?);
    }
    if let Some((first, _)) = next {
        bail!("no section begins with {first}: the daemon has no such setting, or another order");
    }
    Ok(file)
}

/// Returns the line of a setting with this default, which is empty if there is none.
fn setting(name: &str, default: &str) -> Result<String> {
    if name == PACKAGED.0 {
        return Ok(format!("{name} = {}\n", PACKAGED.1));
    }
    if !matches!(default, "" | "[]") {
        return Ok(format!("# {name} = {default}\n"));
    }
    let mut examples = EXAMPLES.iter();
    let (_, example) = examples
        .find(|(with, _)| *with == name)
        .with_context(|| format!("{name} has no default: add an example for it"))?;
    Ok(format!("# {name} = {example}  # example\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first setting of each section, with a default.
    fn defaults() -> String {
        let names = SECTIONS.iter().map(|(first, _)| first);
        names
            .map(|name| format!("{name} = 1  # default\n"))
            .collect()
    }

    #[test]
    fn sections_have_comments_and_settings_their_defaults_or_examples() {
        let printed = format!(
            "{}# tls-key =  # default\nallow-origin = []  # default\n",
            defaults()
        );
        let file = from_defaults(&printed).unwrap();
        for part in [
            "\n# The log goes to standard error. Under systemd, that is the journal.\n# log = 1\n",
            "\n# tls-key = \"/etc/pushd/tls/privkey.pem\"  # example\n",
            "\n# allow-origin = [\"https://www.example.com\"]  # example\n",
            "\npublish-listen = [\"127.0.0.1:5555\", \"unix:/run/pushd/publish.sock\"]\n",
        ] {
            assert!(file.contains(part), "{part}\n{file}");
        }
    }

    #[test]
    fn a_section_or_an_example_that_is_missing_is_an_error() {
        let printed = defaults().replace("redis-wait", "redis-weight");
        let error = from_defaults(&printed).unwrap_err().to_string();
        assert!(
            error.starts_with("no section begins with redis-wait"),
            "{error}"
        );
        let error = from_defaults("# new-one =  # default\n").unwrap_err();
        assert!(error.to_string().starts_with("new-one has no default"));
    }
}

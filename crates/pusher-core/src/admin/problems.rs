//! What the operator should know now: failures, and limits that are near.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::health::readiness;
use crate::config::Limits;
use crate::context::Context;
use crate::stats::Stats;

/// Percentages of a limit from which it is a warning, and an error.
const NEAR: u64 = 80;
const REACHED: u64 = 95;

/// Percentage of `events-len-max` from which the server drops browsers that read nothing.
const EVENTS_NEAR: u64 = 50;

/// Silence of an event loop that is a warning. About a second is normal.
const SILENT: Duration = Duration::from_secs(3);

/// Time before the end of the certificate from which it is a warning. The log warns at the same time.
const CERTIFICATE_SOON: Duration = Duration::from_secs(30 * DAY_S);

const DAY_S: u64 = 24 * 60 * 60;

/// Lag of the log in Redis that is a warning, in milliseconds.
const REDIS_LAG_MS: u64 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Warning,
    Error,
}

/// One problem.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    pub(super) level: Level,
    /// The figure that shows it, if there is one.
    pub(super) about: Option<&'static str>,
    pub(super) text: String,
}

/// Returns all problems, errors first.
pub(super) fn problems(context: &Context, stats: &Stats) -> Vec<Problem> {
    let mut problems = near_limits(stats, &context.live.limits());
    problems.extend(failures(context));
    problems.extend(certificate(context, SystemTime::now()));
    if stats.redis_lag_ms >= REDIS_LAG_MS {
        let text = format!(
            "the event log in Redis is {} ms behind, if the clocks agree: see its load and the network",
            stats.redis_lag_ms
        );
        problems.push(Problem {
            level: Level::Warning,
            about: Some("redis_lag_ms"),
            text,
        });
    }
    let silent_for = context.silent_for();
    if silent_for >= SILENT {
        let text =
            format!("an event loop has not run for {silent_for:.0?}: the machine is overloaded");
        problems.push(error(None, text));
    }
    problems.sort_by_key(|problem| problem.level == Level::Warning);
    problems
}

fn error(about: Option<&'static str>, text: String) -> Problem {
    let level = Level::Error;
    Problem { level, about, text }
}

fn near_limits(stats: &Stats, limits: &Limits) -> Vec<Problem> {
    let publishers = stats.publishers.saturating_sub(stats.operators);
    let count = |value: u64, max: usize| (value, max as u64, NEAR);
    // The text follows the figure and its limit. It names the setting, what the server does at the limit, and what the operator
    // can do.
    let limits = [
        (
            "browsers",
            count(stats.browsers, limits.connections_max),
            "connections are open (connections-max): beyond it browsers get status 503. Raise connections-max, and the \
             limit of open files with it (LimitNOFILE in systemd)",
        ),
        (
            "publishers",
            count(publishers, limits.publishers_max),
            "connections of publishers are open (publishers-max): beyond it the longest idle one is closed. Raise \
             publishers-max, and the limit of open files to at least four times as many (LimitNOFILE in systemd)",
        ),
        (
            "events_len",
            (stats.events_len, limits.events_len_max as u64, EVENTS_NEAR),
            "bytes of events are queued (events-len-max): browsers that read nothing are dropped. Publish less, or raise \
             events-len-max, and the memory limit of the service or container with it",
        ),
        (
            "backlog_len",
            count(stats.backlog_len, limits.backlog_len_max),
            "bytes of events are not sent yet (backlog-len-max): beyond it publishers wait. For bursts, raise \
             backlog-len-max, which each thread may use. If it lasts, publish less, or give pushd more processors",
        ),
        (
            "unfinished_len",
            count(stats.unfinished_len, limits.unfinished_len_max),
            "bytes of incomplete messages are in memory (unfinished-len-max): beyond it publishers are refused. Look for \
             publishers that send slowly, or raise unfinished-len-max, and the memory limit of the service or container \
             with it",
        ),
    ];
    let near = limits
        .into_iter()
        .filter_map(|(about, (value, max, near), text)| {
            let level = level(value, max, near)?;
            let text = format!("{value} of at most {max} {text}");
            let about = Some(about);
            Some(Problem { level, about, text })
        });
    near.collect()
}

/// Returns how near a value is to its limit. `None` if it is not near.
fn level(value: u64, max: u64, near: u64) -> Option<Level> {
    let percent = value.saturating_mul(100) / max.max(1);
    match percent {
        _ if percent >= REACHED => Some(Level::Error),
        _ if percent >= near => Some(Level::Warning),
        _ => None,
    }
}

fn failures(context: &Context) -> Vec<Problem> {
    let disk = context.hub.disk_failure().map(|failure| {
        let text = format!("events are in memory only, a restart loses them: {failure}");
        error(Some("log_on_disk"), text)
    });
    let node = context.node.as_ref();
    let redis = node.and_then(|node| node.state().failure).map(|failure| {
        let text = format!("the event log in Redis cannot be used: {failure}");
        error(Some("redis_connected"), text)
    });
    let spool = context.spool.as_ref();
    let spool = spool.and_then(|spool| spool.failure()).map(|failure| {
        let text = format!("the events of the spool are not published: {failure}");
        error(Some("spool_drained"), text)
    });
    let (status, state) = readiness(context);
    // Redis says more.
    let is_unready = !status.is_success() && redis.is_none();
    let state = is_unready.then(|| error(None, format!("the server is not ready: {state}")));
    let found = [state, disk, redis, spool];
    found.into_iter().flatten().collect()
}

fn certificate(context: &Context, now: SystemTime) -> Option<Problem> {
    let not_after = context.live.certificate()?.not_after()?;
    match not_after.duration_since(now) {
        Ok(left) if left > CERTIFICATE_SOON => None,
        Ok(left) => {
            let days = left.as_secs() / DAY_S;
            Some(Problem {
                level: Level::Warning,
                about: None,
                text: format!("the certificate expires in {days} days: renew it"),
            })
        }
        Err(_) => {
            let text = "the certificate has expired: browsers refuse to connect";
            Some(error(None, text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::Recipe;
    use crate::config::Options;
    use crate::server::Server;

    #[test]
    fn levels_begin_at_their_percentages() {
        for (value, expected) in [
            (0, None),
            (79, None),
            (80, Some(Level::Warning)),
            (94, Some(Level::Warning)),
            (95, Some(Level::Error)),
            (200, Some(Level::Error)),
        ] {
            assert_eq!(level(value, 100, NEAR), expected, "{value}");
        }
        assert_eq!(level(0, 0, NEAR), None);
    }

    #[tokio::test]
    async fn near_limits_say_which_setting_to_raise() {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        let context = Server::bind(options, Recipe::default()).unwrap().context;
        let limits = Limits {
            connections_max: 10,
            publishers_max: 10,
            events_len_max: 10,
            backlog_len_max: 10,
            unfinished_len_max: 10,
            ..Limits::default()
        };
        let mut stats = context.hub.stats();
        stats.browsers = 8;
        stats.publishers = 8;
        stats.events_len = 8;
        stats.backlog_len = 8;
        stats.unfinished_len = 8;
        let found = near_limits(&stats, &limits);
        assert_eq!(found.len(), 5, "{found:?}");
        for (problem, (setting, more)) in found.iter().zip([
            ("connections-max", "LimitNOFILE"),
            ("publishers-max", "LimitNOFILE"),
            ("events-len-max", "memory limit"),
            ("backlog-len-max", "more processors"),
            ("unfinished-len-max", "memory limit"),
        ]) {
            let lower = problem.text.to_lowercase();
            assert!(lower.contains(&format!("raise {setting}")), "{problem:?}");
            assert!(problem.text.contains(more), "{problem:?}");
        }
    }

    #[tokio::test]
    async fn near_limits_name_their_setting_and_operators_do_not_count() {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        options.live.limits.connections_max = 10;
        options.live.limits.publishers_max = 10;
        let context = Server::bind(options, Recipe::default()).unwrap().context;
        assert_eq!(problems(&context, &context.hub.stats()), []);
        context.counters.browsers.add(8);
        context.counters.publishers.add(10);
        context.counters.operators.add(3);
        let found = problems(&context, &context.hub.stats());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].level, found[0].about),
            (Level::Warning, Some("browsers"))
        );
        let text = "8 of at most 10 connections are open (connections-max)";
        assert!(found[0].text.starts_with(text), "{found:?}");
        context.counters.operators.remove(3);
        let found = problems(&context, &context.hub.stats());
        let levels = found.iter().map(|problem| (problem.about, problem.level));
        let expected = [
            (Some("publishers"), Level::Error),
            (Some("browsers"), Level::Warning),
        ];
        assert_eq!(levels.collect::<Vec<_>>(), expected);
    }
}

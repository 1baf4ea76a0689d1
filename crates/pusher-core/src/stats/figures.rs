//! The table of all figures.
//!
//! A figure is one row. From it, the macro makes the counter, the field of
//! [`Stats`], the family in `/metrics`, the field in `/status.json` and the row on the status page.

use pusher_proto::ticket::TicketFault;

use super::counters::{ByKind, Cell, Counter, Gauge};
use super::counts::Counts;
use super::labels::{
    BrowserRefusal, Gap, PublishRefusal, PublisherRefusal, SlowConsumer, Source, ViolationKind,
};
use super::peer_log::PeerLogEntry;

/// A figure with its description.
#[derive(Debug)]
pub(crate) struct Figure {
    /// The name in `/status.json`.
    pub(crate) name: &'static str,
    /// The name in `/metrics`.
    pub(crate) metric: &'static str,
    /// `gauge` or `counter`, as Prometheus defines them.
    pub(crate) metric_type: &'static str,
    pub(crate) help: &'static str,
    pub(crate) value: Value,
    /// The kind of peer or message, if the figure counts refused or dropped ones.
    pub(crate) refused: Option<&'static str>,
}

/// The value of a figure.
#[derive(Debug)]
pub(crate) enum Value {
    Number(u64),
    /// A count for each value of a label.
    ByLabel {
        label: &'static str,
        counts: Vec<(&'static str, u64)>,
    },
}

impl Value {
    pub(crate) fn total(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::ByLabel { counts, .. } => counts.iter().map(|(_, count)| count).sum(),
        }
    }
}

/// The type in which a figure is counted.
macro_rules! cell {
    (gauge) => { Gauge };
    (counter) => { Counter };
    (counter $labels:ident) => { ByKind<$labels> };
}

/// The type in which a figure is shown.
macro_rules! shown {
    ($metric_type:ident) => { u64 };
    ($metric_type:ident $labels:ident) => { Counts<$labels> };
}

macro_rules! value {
    ($stats:ident, $name:ident) => {
        Value::Number($stats.$name)
    };
    ($stats:ident, $name:ident, $label:literal) => {
        Value::ByLabel {
            label: $label,
            counts: $stats.$name.labelled(),
        }
    };
}

macro_rules! refused {
    () => {
        None
    };
    ($refused:literal) => {
        Some($refused)
    };
}

/// A row is `TYPE NAME = "METRIC"`, then the enum of the labels and the label's name, then the kind of peer or message
/// that is refused. `counted` figures are counted when an event happens, `gathered` ones are summed up on demand.
macro_rules! figures {
    (
        counted {$(
            #[doc = $help:literal]
            $type:ident $name:ident = $metric:literal $(by $labels:ident $label:literal)? $(refuses $refused:literal)?;
        )*}
        gathered {$(
            #[doc = $help_2:literal]
            $type_2:ident $name_2:ident = $metric_2:literal;
        )*}
    ) => {
        /// A server's figures at one moment. Counters (`_total` in Prometheus' names) only grow while the server
        /// runs. Each figure is exact, but they are not all read at the same instant.
        ///
        /// [`Hub::stats`](crate::Hub::stats) returns it. It visits every session: some hundred microseconds for
        /// 10,000.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $(#[doc = $help] pub $name: shown!($type $($labels)?),)*
            $(#[doc = $help_2] pub $name_2: u64,)*
        }

        /// The figures that all threads count.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: cell!($type $($labels)?),)*
            /// Refused connections that are not yet closed. Not shown.
            pub(crate) lingering: Gauge,
        }

        /// The figures that are summed up on demand.
        #[derive(Debug)]
        pub(crate) struct Gathered {
            $(pub(crate) $name_2: u64,)*
        }

        impl Counters {
            /// Returns the last log line about refusals of each figure and label.
            pub(crate) fn last_refusals(&self) -> Vec<(&'static str, &'static str, PeerLogEntry)> {
                let mut all = Vec::new();
                $(
                    let last = self.$name.last_refusals().into_iter();
                    all.extend(last.map(|(label, entry)| (stringify!($name), label, entry)));
                )*
                all
            }

            pub(crate) fn stats(&self, gathered: Gathered) -> Stats {
                Stats {
                    $($name: self.$name.read(),)*
                    $($name_2: gathered.$name_2,)*
                }
            }
        }

        impl Stats {
            /// Returns every figure with its description.
            pub(crate) fn figures(&self) -> Vec<Figure> {
                vec![
                    $(Figure {
                        name: stringify!($name),
                        metric: $metric,
                        metric_type: stringify!($type),
                        help: $help.trim_ascii(),
                        value: value!(self, $name $(, $label)?),
                        refused: refused!($($refused)?),
                    },)*
                    $(Figure {
                        name: stringify!($name_2),
                        metric: $metric_2,
                        metric_type: stringify!($type_2),
                        help: $help_2.trim_ascii(),
                        value: value!(self, $name_2),
                        refused: None,
                    },)*
                ]
            }
        }
    };
}

figures! {
    counted {
        /// Connections of port 8080, in the handshake or with a session.
        gauge browsers = "pushd_browsers";
        /// Connections that port 8080 accepted, without those that got 503 or 429 at once.
        counter browsers_accepted = "pushd_browsers_accepted_total";
        /// Browsers that got no session.
        counter browsers_refused = "pushd_browsers_refused_total" by BrowserRefusal "reason" refuses "browser";
        /// WAMP sessions that were opened.
        counter sessions_opened = "pushd_sessions_opened_total";
        /// Sessions that were closed because of a message.
        counter violations = "pushd_violations_total" by ViolationKind "reason" refuses "session";
        /// Subscriptions that were refused or ended because of a ticket, or because there was none.
        counter tickets_refused = "pushd_tickets_refused_total" by TicketFault "reason" refuses "subscription";
        /// Hand-overs: updates that kept the connections.
        counter handovers = "pushd_handovers_total";
        /// Hand-overs that did not begin because the new program could not continue, or that this program continued itself.
        counter handovers_failed = "pushd_handovers_failed_total";
        /// Connections that the last hand-over kept.
        gauge handover_kept = "pushd_handover_connections_kept";
        /// Connections that the last hand-over closed: those with TLS, and those that were not ready in time.
        gauge handover_closed = "pushd_handover_connections_closed";
        /// Time in which the last hand-over read nothing, in ms.
        gauge handover_pause_ms = "pushd_handover_pause_milliseconds";
        /// Topics that have a member at this server: a user who is subscribed, if the topic has presence.
        gauge presence_topics = "pushd_presence_topics";
        /// Members of all topics at this server. A user counts once for each topic.
        gauge presence_members = "pushd_presence_members";
        /// Browsers that were dropped because they did not take their events.
        counter slow_consumers = "pushd_slow_consumers_total" by SlowConsumer "reason" refuses "slow consumer";
        /// Browsers that were dropped because they did not answer a ping.
        counter pings_unanswered = "pushd_pings_unanswered_total" refuses "session";
        /// Connections of port 8080 that an operator closed.
        counter connections_closed = "pushd_connections_closed_total";
        /// Connections of port 5555.
        gauge publishers = "pushd_publishers";
        /// Those of them whose last request was an operator's: the status page, metrics, or a command for the server.
        gauge operators = "pushd_operators";
        /// Connections that port 5555 accepted.
        counter publishers_accepted = "pushd_publishers_accepted_total";
        /// Idle publishers that were closed to make room for others.
        counter publishers_gave_way = "pushd_publishers_gave_way_total";
        /// Publishers that were refused, or whose connection the server ended.
        counter publishers_refused = "pushd_publishers_refused_total" by PublisherRefusal "reason" refuses "publisher";
        /// Refused messages of publishers, and refused publishes of browsers in WAMP v2.
        counter publishes_refused = "pushd_publishes_refused_total" by PublishRefusal "reason" refuses "publish";
        /// Events that were accepted, also those without a subscriber. A repeated id does not count.
        counter events = "pushd_events_total" by Source "source";
        /// Bytes of these events, as JSON.
        counter event_bytes = "pushd_event_bytes_total";
        /// Events that waited for a slow consumer and were dropped by the topic's slow policy.
        counter deliveries_dropped = "pushd_deliveries_dropped_total";
        /// Subscriptions that began behind a position, and got all events since.
        counter recovered = "pushd_recovered_total";
        /// Subscriptions whose client was told that it has missed events.
        counter gaps = "pushd_gaps_total" by Gap "reason";
        /// Events from the log that were sent to subscribers that had missed them.
        counter events_replayed = "pushd_events_replayed_total";
        /// Errors of the state directory: failed writes and syncs of the log, and times at which it does not answer.
        counter disk_errors = "pushd_log_disk_errors_total";
        /// 1 if the log is written to the state directory at this moment.
        gauge log_on_disk = "pushd_log_on_disk";
        /// Duration of the last sync of the log, in microseconds.
        gauge log_sync_us = "pushd_log_sync_microseconds";
        /// Records of the spool that were published.
        counter spool_drained = "pushd_spool_drained_total";
        /// Records of the spool that were too old.
        counter spool_expired = "pushd_spool_expired_total";
        /// Records of the spool that were not published because a later one has the latest event of their topic.
        counter spool_superseded = "pushd_spool_superseded_total";
        /// Records of the spool that were refused, as a publish of their topic, event or token is.
        counter spool_refused = "pushd_spool_refused_total";
        /// Records of the spool that are damaged or of a newer version, and files of strangers, which are set aside.
        counter spool_set_aside = "pushd_spool_set_aside_total";
        /// 1 if the server reads the log in Redis at this moment.
        gauge redis_connected = "pushd_redis_connected";
        /// Connections to Redis that were opened to append to the log and to read it: 2, and one for each loss.
        counter redis_connections = "pushd_redis_connections_total";
        /// Servers that share the log in Redis, this one included.
        gauge redis_nodes = "pushd_redis_nodes";
        /// Time from the append of the last entry until this server read it, in milliseconds, if its clock and that of Redis agree.
        gauge redis_lag_ms = "pushd_redis_lag_milliseconds";
        /// Time until Redis had appended the last publishes, in microseconds.
        gauge redis_script_us = "pushd_redis_script_microseconds";
        /// Unix time at which the last probe came back from Redis, in seconds.
        gauge redis_probe_time = "pushd_redis_probe_time_seconds";
        /// Times that entries of the log in Redis were missing. `pushd_gaps_total` has the clients that were told.
        counter redis_gaps = "pushd_redis_gaps_total";
        /// Events of webhooks that the site has accepted. Each counts once for each URL.
        counter webhooks_sent = "pushd_webhooks_sent_total";
        /// Requests of webhooks that failed: no connection, no answer in time, or another status than 2xx. They are sent again.
        counter webhooks_failed = "pushd_webhooks_failed_total";
        /// Events of webhooks that the site does not get: its URL failed for too long, or too many events waited.
        counter webhooks_dropped = "pushd_webhooks_dropped_total";
        /// Events of webhooks that wait for an answer of the site.
        gauge webhooks_queued = "pushd_webhooks_queued";
        /// Bytes of events in memory, in backlog and outboxes. Events that wait for several browsers count once.
        gauge events_len = "pushd_events_memory_bytes";
        /// Bytes of messages that publishers have begun and not finished.
        gauge unfinished_len = "pushd_unfinished_bytes";
    }
    gathered {
        /// Open WAMP sessions.
        gauge sessions = "pushd_sessions";
        /// Sessions that have a valid ticket.
        gauge tickets = "pushd_tickets";
        /// Users whose tickets were revoked. Each is forgotten when the last ticket that it could have has ended.
        gauge users_revoked = "pushd_revoked_users";
        /// Topics that have a subscriber.
        gauge topics = "pushd_topics";
        /// Events times the browsers that each was written or queued to.
        counter deliveries = "pushd_deliveries_total";
        /// Bytes of these deliveries, as WebSocket frames.
        counter delivery_bytes = "pushd_delivery_bytes_total";
        /// Bytes of events that are accepted and not yet sent: the maximum of all threads.
        gauge backlog_len = "pushd_backlog_bytes";
        /// Events in the log.
        gauge log_events = "pushd_log_events";
        /// Bytes of the log.
        gauge log_len = "pushd_log_bytes";
        /// Age of the oldest event in the log, in milliseconds.
        gauge log_age_ms = "pushd_log_age_milliseconds";
        /// Sessions that read from the log at this moment.
        gauge log_readers = "pushd_log_readers";
        /// Clients of `wamp` with a resume value, and those that ended less than two minutes ago.
        gauge resume_values = "pushd_resume_values";
        /// Browsers whose outbox is not empty.
        gauge outboxes = "pushd_outboxes";
        /// Bytes in all outboxes. Events that wait for several browsers count for each of them.
        gauge outboxes_len = "pushd_outboxes_bytes";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let gathered = Gathered {
            sessions: 1,
            tickets: 1,
            users_revoked: 0,
            topics: 2,
            deliveries: 3,
            delivery_bytes: 4,
            backlog_len: 5,
            log_events: 1,
            log_len: 2,
            log_age_ms: 3,
            log_readers: 4,
            resume_values: 5,
            outboxes: 6,
            outboxes_len: 7,
        };
        let counters = Counters::default();
        counters.violations.count(ViolationKind::Topics);
        let stats = counters.stats(gathered);
        let figures = stats.figures();
        for figure in &figures {
            let is_total = figure.metric.ends_with("_total");
            assert_eq!(is_total, figure.metric_type == "counter", "{figure:?}");
            assert!(figure.help.ends_with('.'), "{figure:?}");
            let same = figures.iter().filter(|other| other.metric == figure.metric);
            assert_eq!(same.count(), 1, "{figure:?}");
        }
        let total = |name| {
            let figure = figures.iter().find(|figure| figure.name == name);
            figure.unwrap().value.total()
        };
        assert_eq!((total("violations"), total("outboxes_len")), (1, 7));
    }
}

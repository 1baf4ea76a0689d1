//! The table of `pushd top`.

use super::figures::{Connection, Figures, Topic};
use super::screen::Size;
use crate::output::escape;
use crate::shell::duration::duration;

/// Problems that are shown.
const PROBLEMS_MAX: usize = 3;

/// Widths of the columns before the last one.
const NUMBER: usize = 11;
const AGE: usize = 10;
const PROTOCOL: usize = 15;
const ADDRESS: usize = 22;
const ORIGIN: usize = 28;

pub(super) struct Table<'a> {
    figures: &'a Figures,
    /// Why these are not the newest figures.
    pub(super) failure: Option<String>,
}

impl<'a> Table<'a> {
    pub(super) fn new(figures: &'a Figures) -> Self {
        Self {
            figures,
            failure: None,
        }
    }

    /// Returns at most `size.lines` lines, each cut to `size.columns` characters.
    pub(super) fn lines(&self, size: Size) -> Vec<String> {
        let mut lines = self.head();
        let (topics, connections) = (self.topics(), self.connections());
        // Both tables have a title and an empty line before it.
        let room = size.lines.saturating_sub(lines.len() + 4);
        let half = room / 2;
        let topics_len = topics
            .len()
            .min(half.max(room.saturating_sub(connections.len())));
        lines.push(String::new());
        lines.push(format!(
            "{:>NUMBER$}  {:>NUMBER$}  {:>AGE$}  TOPIC",
            "EVENTS/S", "SUBSCRIBERS", "IN LOG"
        ));
        lines.extend(topics.into_iter().take(topics_len));
        lines.push(String::new());
        lines.push(format!(
            "{:>NUMBER$}  {:>AGE$}  {:<PROTOCOL$} {:<ADDRESS$} {:<ORIGIN$} TOPICS",
            "QUEUED", "AGE", "PROTOCOL", "ADDRESS", "PAGE OF"
        ));
        lines.extend(connections.into_iter().take(room - topics_len));
        lines.truncate(size.lines);
        let cut = lines.into_iter();
        cut.map(|line| line.trim_end().chars().take(size.columns).collect())
            .collect()
    }

    fn head(&self) -> Vec<String> {
        let status = &self.figures.status;
        let last = |row: &[f64]| row.last().copied().unwrap_or(0.0);
        let charts = &self.figures.charts;
        let (events, deliveries) = (last(&charts.events), last(&charts.deliveries));
        let publishers = status.publishers.saturating_sub(status.operators);
        let (server, state) = (escape(&status.server), escape(&status.state));
        let mut lines = vec![
            format!("{server} is {state}, for {}", duration(status.uptime_s)),
            format!(
                "connections {} of {}, publishers {publishers}, events/s {events} in, {deliveries} out, queued {} bytes \
                 for {} connections",
                status.browsers, status.browsers_max, status.outboxes_len, status.outboxes
            ),
        ];
        let problems = status.problems.iter().take(PROBLEMS_MAX);
        lines.extend(problems.map(|problem| format!("! {}", escape(&problem.text))));
        if let Some(failure) = &self.failure {
            lines.push(format!("! these figures are old: {}", escape(failure)));
        }
        lines
    }

    /// Returns the busiest topics, and then the largest of the others.
    fn topics(&self) -> Vec<String> {
        let status = &self.figures.status;
        let busiest = &status.busiest_topics;
        let is_other = |topic: &&Topic| busiest.iter().all(|known| known.topic != topic.topic);
        let others = status.largest_topics.iter().filter(is_other);
        busiest.iter().chain(others).map(topic_line).collect()
    }

    fn connections(&self) -> Vec<String> {
        let connections = self.figures.connections.connections.iter();
        connections.map(connection_line).collect()
    }
}

fn topic_line(topic: &Topic) -> String {
    let Topic {
        topic,
        subscribers,
        log_events,
        events_per_s,
    } = topic;
    let topic = escape(topic);
    format!("{events_per_s:>NUMBER$.1}  {subscribers:>NUMBER$}  {log_events:>AGE$}  {topic}")
}

fn connection_line(connection: &Connection) -> String {
    let Connection {
        address,
        origin,
        protocol,
        age_s,
        queued_len,
        topics,
        topic_count,
    } = connection;
    let age = age_s.map_or("?".to_owned(), duration);
    let origin = escape(origin.as_deref().unwrap_or("-"));
    let mut topics_text = escape(&topics.join(" "));
    if *topic_count > topics.len() {
        topics_text.push_str(&format!(" and {} more", topic_count - topics.len()));
    }
    let (protocol, address) = (escape(protocol), escape(address));
    format!(
        "{queued_len:>NUMBER$}  {age:>AGE$}  {protocol:<PROTOCOL$} {address:<ADDRESS$} {origin:<ORIGIN$} {topics_text}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shell::top::figures::{Charts, Connections, Status};

    fn figures(topics: usize, connections: usize) -> Figures {
        let topic = |n: usize| json!({"topic": format!("t{n}\u{1b}"), "subscribers": n, "log_events": 3, "events_per_s": 0.25});
        let topics: Vec<_> = (0..topics).map(topic).collect();
        let connection = |n: usize| {
            json!({
                "id": "x",
                "address": format!("192.0.2.1:{n}"),
                "origin": (n == 0).then_some("https://a.example"),
                "protocol": "wamp",
                "age_s": 61,
                "queued_len": 10 - n,
                "topics": ["a", "b"],
                "topic_count": 22,
            })
        };
        let connections: Vec<_> = (0..connections).map(connection).collect();
        let status = json!({
            "server": "pushd/1", "state": "ready", "uptime_s": 60, "browsers": 2, "browsers_max": 10, "publishers": 3,
            "operators": 1, "outboxes": 1, "outboxes_len": 10, "busiest_topics": topics[..topics.len().min(1)],
            "largest_topics": topics, "problems": [{"level": "error", "text": "a problem"}],
        });
        Figures {
            status: serde_json::from_value::<Status>(status).unwrap(),
            charts: serde_json::from_value::<Charts>(
                json!({"events": [1, 2.5], "deliveries": [1, 5]}),
            )
            .unwrap(),
            connections: serde_json::from_value::<Connections>(json!({"connections": connections}))
                .unwrap(),
        }
    }

    fn size(lines: usize, columns: usize) -> Size {
        Size { lines, columns }
    }

    #[test]
    fn table_has_topics_by_rate_and_connections_by_queue() {
        let figures = figures(2, 2);
        let expected = [
            "pushd/1 is ready, for 1m",
            "connections 2 of 10, publishers 2, events/s 2.5 in, 5 out, queued 10 bytes for 1 connections",
            "! a problem",
            "",
            "   EVENTS/S  SUBSCRIBERS      IN LOG  TOPIC",
            "        0.2            0           3  t0\\u{1b}",
            "        0.2            1           3  t1\\u{1b}",
            "",
            "     QUEUED         AGE  PROTOCOL        ADDRESS                PAGE OF                      TOPICS",
            "         10       1m 1s  wamp            192.0.2.1:0            https://a.example            a b and 20 more",
            "          9       1m 1s  wamp            192.0.2.1:1            -                            a b and 20 more",
        ];
        assert_eq!(Table::new(&figures).lines(size(50, 200)), expected);
    }

    #[test]
    fn small_screens_show_the_first_of_both() {
        let figures = figures(20, 10);
        let lines = Table::new(&figures).lines(size(17, 60));
        assert_eq!(lines.len(), 17);
        assert!(lines.iter().all(|line| line.chars().count() <= 60));
        let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
        assert_eq!((count("\\u{1b}"), count("wamp")), (5, 5), "{lines:#?}");
        for lines_max in 0..10 {
            let lines = Table::new(&figures).lines(size(lines_max, 80));
            assert!(lines.len() <= lines_max);
        }
    }

    #[test]
    fn old_figures_are_marked() {
        let figures = figures(0, 0);
        let mut table = Table::new(&figures);
        table.failure = Some("no answer".to_owned());
        let lines = table.lines(size(50, 200));
        assert_eq!(lines[3], "! these figures are old: no answer");
    }
}

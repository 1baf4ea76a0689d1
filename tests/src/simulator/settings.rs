//! The daemon's settings in a run.

use super::subscriber_plan::TOPICS;
use crate::random::Random;

/// Flags, and what they say about the log.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The flags of the daemon.
    pub flags: Vec<String>,
    /// The bounds of the log.
    pub history: HistoryBounds,
    /// The topics whose last events every new subscription gets.
    pub replayed: Vec<usize>,
    /// Whether the log is kept over a restart.
    pub has_state_dir: bool,
}

/// The bounds of the log. Beyond them the daemon may forget events.
#[derive(Debug, Clone, Copy)]
pub struct HistoryBounds {
    /// Bytes of all events.
    pub len_max: usize,
    /// Bytes of one topic.
    pub topic_len_max: usize,
    /// Events of one topic.
    pub topic_events_max: usize,
    /// Time that an event is kept, in ms.
    pub age_max_ms: usize,
}

/// The daemon's defaults.
const DEFAULT: HistoryBounds = HistoryBounds {
    len_max: 16 << 20,
    topic_len_max: 4 << 20,
    topic_events_max: 1000,
    age_max_ms: 300_000,
};

impl Settings {
    /// Changes them to those of nodes with one log in Redis, which have no state directory.
    pub(super) fn use_redis(&mut self) {
        self.has_state_dir = false;
        self.flags.retain(|flag| !flag.starts_with("--fsync"));
    }

    pub(super) fn new(topics: usize, random: &mut Random) -> Self {
        let history = HistoryBounds::new(random);
        let mut flags = vec![
            format!("--history-len-max={}B", history.len_max),
            format!("--history-topic-len-max={}B", history.topic_len_max),
            format!("--history-topic-events-max={}", history.topic_events_max),
            format!("--history-age-max={}ms", history.age_max_ms),
            format!("--threads={}", 1 + random.below(2)),
            format!(
                "--outbox-len-max={}B",
                [1_000, 20_000, 1 << 20][random.below(3)]
            ),
            // A held client delays the end of the daemon only up to this.
            "--flush-timeout=300ms".to_owned(),
        ];
        if random.once_in(2) {
            flags.push("--ping-interval=300ms".to_owned());
            flags.push("--pong-timeout=500ms".to_owned());
        }
        let mut replayed = Vec::new();
        for (topic, name) in TOPICS.iter().enumerate().take(topics) {
            if random.once_in(4) {
                replayed.push(topic);
                let count = 1 + random.below(5);
                flags.push(format!("--replay-on-subscribe={name}={count}"));
            }
        }
        let has_state_dir = random.once_in(2);
        if has_state_dir {
            let policy = *random.one_of(&["never", "1s", "always"]);
            flags.push(format!("--fsync={policy}"));
        }
        Self {
            flags,
            history,
            replayed,
            has_state_dir,
        }
    }
}

impl HistoryBounds {
    /// Whether all events together have a smaller limit than usual.
    pub(super) fn is_small(&self) -> bool {
        self.len_max < DEFAULT.len_max
    }

    fn new(random: &mut Random) -> Self {
        let mut bounds = DEFAULT;
        match random.below(6) {
            0 => bounds.len_max = 2_000 + random.below(60_000),
            1 => bounds.topic_len_max = 1_024 + random.below(30_000),
            2 => bounds.topic_events_max = 1 + random.below(50),
            3 => bounds.age_max_ms = 50 + random.below(500),
            _ => {}
        }
        bounds
    }
}

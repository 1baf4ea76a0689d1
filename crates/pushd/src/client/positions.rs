//! Up to where a client of `pushd.1` has the events of its topics. `PROTOCOL.md` has the rules.

use std::collections::HashMap;

use pusher_proto::Position;
use serde_json::Value;

use super::server_message::ServerMessage;

/// The positions of a client's topics. They survive its connections.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// The position of topics that have none of their own yet.
    first: Option<Position>,
    topics: HashMap<String, Topic>,
}

#[derive(Debug)]
struct Topic {
    /// The client has every event up to here.
    position: Position,
    replay: Option<Replay>,
}

/// A replay that is on its way.
#[derive(Debug)]
struct Replay {
    left: u64,
    /// The position behind the last replayed event.
    end: Position,
}

/// What a message means for the client.
#[derive(Debug, PartialEq)]
pub(crate) enum Update {
    /// A new event. An older server sends no position.
    Event {
        topic: String,
        event: Value,
        position: Option<Position>,
    },
    /// Events of the topic before this position are missing.
    Gap { topic: String, position: Position },
}

impl Positions {
    /// `since` is the position of all topics.
    pub(crate) fn new(since: Option<Position>) -> Self {
        Self {
            first: since,
            topics: HashMap::new(),
        }
    }

    /// Returns the position for SUBSCRIBE.
    pub(crate) fn since(&self, topic: &str) -> Option<Position> {
        let topic = self.topics.get(topic);
        topic.map(|topic| topic.position).or(self.first)
    }

    /// Returns `None` if the message changes nothing that the client shows.
    pub(crate) fn take(&mut self, message: ServerMessage) -> Option<Update> {
        match message {
            ServerMessage::Event {
                topic,
                event,
                sequence,
            } => {
                let position = match sequence.zip(self.topics.get_mut(&topic)) {
                    Some((sequence, state)) => Some(state.advance(sequence)?),
                    None => None,
                };
                Some(Update::Event {
                    topic,
                    event,
                    position,
                })
            }
            ServerMessage::Subscribed {
                topic,
                position,
                is_recovered,
                replayed,
            } => {
                let since = self.since(&topic).filter(|_| replayed > 0);
                let state = Topic {
                    position: since.unwrap_or(position),
                    replay: since.map(|_| Replay {
                        left: replayed,
                        end: position,
                    }),
                };
                self.topics.insert(topic.clone(), state);
                (!is_recovered).then_some(Update::Gap { topic, position })
            }
            ServerMessage::Gap { topic, position } => {
                let replay = None;
                self.topics
                    .insert(topic.clone(), Topic { position, replay });
                Some(Update::Gap { topic, position })
            }
            ServerMessage::Keepalive { .. } => None,
        }
    }
}

impl Topic {
    /// Moves behind an event, and returns its position. Returns `None` if the client has the event already.
    fn advance(&mut self, sequence: u64) -> Option<Position> {
        if sequence <= self.position.sequence {
            return None;
        }
        let behind = Position {
            sequence,
            ..self.position
        };
        self.position = behind;
        if let Some(replay) = &mut self.replay {
            replay.left = replay.left.saturating_sub(1);
            if replay.left == 0 {
                self.position = replay.end;
                self.replay = None;
            }
        }
        Some(behind)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(sequence: u64) -> Position {
        Position {
            epoch: 0xab,
            sequence,
        }
    }

    fn event(sequence: u64) -> ServerMessage {
        ServerMessage::Event {
            topic: "t".to_owned(),
            event: json!(sequence),
            sequence: Some(sequence),
        }
    }

    fn subscribed(position: u64, is_recovered: bool, replayed: u64) -> ServerMessage {
        ServerMessage::Subscribed {
            topic: "t".to_owned(),
            position: at(position),
            is_recovered,
            replayed,
        }
    }

    /// The sequence of the event that is shown.
    fn shown(update: Option<Update>) -> Option<u64> {
        match update? {
            Update::Event {
                event, position, ..
            } => {
                assert_eq!(position.unwrap().sequence, event);
                event.as_u64()
            }
            Update::Gap { .. } => panic!("a gap"),
        }
    }

    #[test]
    fn a_subscription_begins_at_the_position_of_subscribed() {
        let mut positions = Positions::new(None);
        assert_eq!(positions.since("t"), None);
        assert_eq!(positions.take(subscribed(17, true, 0)), None);
        assert_eq!(positions.since("t"), Some(at(17)));
        assert_eq!(shown(positions.take(event(21))), Some(21));
        assert_eq!(positions.since("t"), Some(at(21)));
        assert_eq!(positions.since("another"), None);
    }

    #[test]
    fn a_replay_continues_where_the_client_was() {
        let mut positions = Positions::new(Some(at(12)));
        assert_eq!(positions.since("t"), Some(at(12)));
        positions.take(subscribed(17, true, 2));
        assert_eq!(positions.since("t"), Some(at(12)));
        assert_eq!(shown(positions.take(event(14))), Some(14));
        assert_eq!(positions.since("t"), Some(at(14)), "cut in the middle");
        positions.take(subscribed(18, true, 1));
        assert_eq!(shown(positions.take(event(16))), Some(16));
        assert_eq!(positions.since("t"), Some(at(18)), "the end of the replay");
    }

    #[test]
    fn an_event_is_shown_once() {
        let mut positions = Positions::new(None);
        positions.take(subscribed(17, true, 0));
        assert_eq!(shown(positions.take(event(17))), None);
        assert_eq!(shown(positions.take(event(18))), Some(18));
        assert_eq!(shown(positions.take(event(18))), None);
    }

    #[test]
    fn a_gap_moves_the_position() {
        let mut positions = Positions::new(Some(at(12)));
        let gap = |sequence| Update::Gap {
            topic: "t".to_owned(),
            position: at(sequence),
        };
        assert_eq!(positions.take(subscribed(17, false, 0)), Some(gap(17)));
        assert_eq!(positions.since("t"), Some(at(17)));
        let told = ServerMessage::Gap {
            topic: "t".to_owned(),
            position: at(5012),
        };
        assert_eq!(positions.take(told), Some(gap(5012)));
        assert_eq!(positions.since("t"), Some(at(5012)));
    }

    #[test]
    fn events_without_numbers_are_shown() {
        let mut positions = Positions::new(None);
        let event = ServerMessage::Event {
            topic: "t".to_owned(),
            event: json!(1),
            sequence: None,
        };
        for _ in 0..2 {
            let update = positions.take(event.clone());
            assert!(matches!(update, Some(Update::Event { position: None, .. })));
        }
        assert_eq!(positions.since("t"), None);
    }
}

//! Decodes the server's messages, as far as a subscriber needs them.

use std::mem;
use std::time::Duration;

use pusher_proto::Position;
use serde_json::Value;

const EVENT: u64 = 8;
const SUBSCRIBED: u64 = 9;
const GAP: u64 = 10;
const KEEPALIVE: u64 = 12;

/// A message of the server. Only `pushd.1` has others than EVENT.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ServerMessage {
    /// `[8, topic, event]`, in `pushd.1` `[8, topic, event, sequence]`
    Event {
        topic: String,
        event: Value,
        sequence: Option<u64>,
    },
    /// `[9, topic, position, recovered, replayed]`
    Subscribed {
        topic: String,
        position: Position,
        is_recovered: bool,
        replayed: u64,
    },
    /// `[10, topic, position]`
    Gap { topic: String, position: Position },
    /// `[12, intervalMs, retryMs]`
    Keepalive { retry: Duration },
}

impl ServerMessage {
    /// Returns `None` for any other message.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut list: Vec<Value> = serde_json::from_str(text).ok()?;
        let (kind, elements) = list.split_first_mut()?;
        match (kind.as_u64()?, elements) {
            (EVENT, [Value::String(topic), event, rest @ ..]) => Some(Self::Event {
                topic: mem::take(topic),
                event: event.take(),
                sequence: rest.first().and_then(Value::as_u64),
            }),
            (SUBSCRIBED, [Value::String(topic), position, recovered, replayed, ..]) => {
                Some(Self::Subscribed {
                    topic: mem::take(topic),
                    position: as_position(position)?,
                    is_recovered: recovered.as_bool()?,
                    replayed: replayed.as_u64()?,
                })
            }
            (GAP, [Value::String(topic), position, ..]) => Some(Self::Gap {
                topic: mem::take(topic),
                position: as_position(position)?,
            }),
            (KEEPALIVE, [_interval, retry_ms, ..]) => Some(Self::Keepalive {
                retry: Duration::from_millis(retry_ms.as_u64()?),
            }),
            _ => None,
        }
    }
}

fn as_position(value: &Value) -> Option<Position> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_of_both_subprotocols_are_decoded() {
        let position: Position = "6d1f3c5a9be02478-17".parse().unwrap();
        let event = |sequence| ServerMessage::Event {
            topic: "t".to_owned(),
            event: json!({"n": 1}),
            sequence,
        };
        let topic = || "t".to_owned();
        for (text, expect) in [
            (r#"[8,"t",{"n":1}]"#, event(None)),
            (r#"[8,"t",{"n":1},14]"#, event(Some(14))),
            (r#"[8,"t",{"n":1},14,"new"]"#, event(Some(14))),
            (
                r#"[9,"t","6d1f3c5a9be02478-17",true,2,{}]"#,
                ServerMessage::Subscribed {
                    topic: topic(),
                    position,
                    is_recovered: true,
                    replayed: 2,
                },
            ),
            (
                r#"[10,"t","6d1f3c5a9be02478-17"]"#,
                ServerMessage::Gap {
                    topic: topic(),
                    position,
                },
            ),
            (
                "[12,25000,1000]",
                ServerMessage::Keepalive {
                    retry: Duration::from_secs(1),
                },
            ),
        ] {
            assert_eq!(ServerMessage::decode(text), Some(expect), "{text}");
        }
    }

    #[test]
    fn other_messages_are_ignored() {
        for text in [
            "",
            "[]",
            "{}",
            "[8]",
            r#"[8,"t"]"#,
            r#"[8,7,{}]"#,
            r#"[9,"t","17",true,2]"#,
            r#"[9,"t","6d1f3c5a9be02478-17",1,2]"#,
            r#"[10,"t"]"#,
            "[12,1]",
            "[12,1,-1]",
            r#"[99,"new"]"#,
        ] {
            assert_eq!(ServerMessage::decode(text), None, "{text}");
        }
    }
}

//! One call of the script that appends publishes to the log.

use std::sync::LazyLock;

use pusher_proto::Position;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script, Value};

use super::entry::{encode_recipients, id};
use super::fields::{number, text, unexpected};
use super::node::Node;
use crate::hub::SharedPublish;
use crate::unix_time::unix_ms;

static APPEND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("append.lua")));

/// Most entries of the log. Each node also trims it to the limits of its history.
const ENTRIES_MAX: u64 = 1_000_000;

/// Values in the reply for each publish.
const REPLY_WIDTH: usize = 3;

/// Publishes that are appended in one step.
#[derive(Debug)]
pub(super) struct Batch {
    /// Above that of the last batch of this run.
    pub(super) number: u64,
    pub(super) publishes: Vec<SharedPublish>,
    /// A probe behind the publishes, or "".
    pub(super) probe: String,
}

/// The reply to a batch.
#[derive(Debug)]
pub(super) struct Appended {
    /// The end of the log.
    pub(super) end: Position,
    /// Number of nodes.
    pub(super) nodes: u64,
    /// The place of each publish, and the number of its subscribers at other nodes.
    pub(super) places: Vec<(Position, u64)>,
}

impl Batch {
    /// Appends the publishes, once even if it is called again after an error.
    pub(super) async fn append(
        &self,
        node: &Node,
        connection: &mut MultiplexedConnection,
    ) -> RedisResult<Appended> {
        let mut next_epoch = new_epoch().max(node.known_end().epoch.saturating_add(1));
        loop {
            let reply: Vec<Value> = self.invoke(node, connection, next_epoch).await?;
            match &reply[..] {
                // The clock of this machine is behind.
                [epoch] => {
                    let after = number(epoch).and_then(|epoch| epoch.checked_add(1));
                    next_epoch = next_epoch.max(after.ok_or_else(|| unexpected("an epoch"))?);
                }
                [epoch, top, count, places @ ..] => {
                    let place = |values: &[Value]| {
                        let subscribers = number(&values[2]).unwrap_or(0);
                        Some((place(&values[0], &values[1])?, subscribers))
                    };
                    let places: Option<Vec<_>> =
                        places.chunks_exact(REPLY_WIDTH).map(place).collect();
                    let places = places.filter(|places| places.len() == self.publishes.len());
                    return Ok(Appended {
                        end: place_of_end(epoch, top)?,
                        nodes: number(count).unwrap_or(0),
                        places: places.ok_or_else(|| unexpected("a place for each publish"))?,
                    });
                }
                _ => return Err(unexpected("the end of the log")),
            }
        }
    }

    async fn invoke(
        &self,
        node: &Node,
        connection: &mut MultiplexedConnection,
        next_epoch: u64,
    ) -> RedisResult<Vec<Value>> {
        let known = node.known_end();
        let id_memory_ms = u64::try_from(node.id_memory.as_millis()).unwrap_or(u64::MAX);
        // Redis knows no time of 0.
        let id_memory_ms = id_memory_ms.max(1);
        let mut call = APPEND.prepare_invoke();
        call.key(&node.keys.log)
            .key(&node.keys.state)
            .key(&node.keys.nodes)
            .key(node.keys.batch(&node.run))
            .arg(&node.keys.prefix)
            .arg(&node.id)
            .arg(self.number)
            .arg(next_epoch)
            .arg(known.epoch)
            .arg(known.sequence)
            .arg(node.trim.line(&node.live.limits(), unix_ms()))
            .arg(ENTRIES_MAX)
            .arg(id_memory_ms)
            .arg(&self.probe);
        for publish in &self.publishes {
            let recipients = publish.recipients.as_ref().map(encode_recipients);
            call.arg(&publish.topic)
                .arg(&publish.event)
                .arg(publish.id.as_deref().unwrap_or_default())
                .arg(recipients.unwrap_or_default());
        }
        call.invoke_async(connection).await
    }
}

/// Trims the log, without appending anything.
pub(super) async fn trim(node: &Node, connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let first = Position {
        sequence: node.trim.line(&node.live.limits(), unix_ms()),
        ..node.known_end()
    };
    let mut command = redis::cmd("XTRIM");
    command.arg(&node.keys.log).arg("MINID").arg("~");
    command.arg(id(first)).query_async(connection).await
}

fn place(epoch: &Value, sequence: &Value) -> Option<Position> {
    Some(Position {
        epoch: text(epoch)?.parse().ok()?,
        sequence: number(sequence)?,
    })
}

fn place_of_end(epoch: &Value, top: &Value) -> RedisResult<Position> {
    place(epoch, top).ok_or_else(|| unexpected("a position"))
}

/// Returns an epoch above all earlier ones, if no clock goes back: the time, and some random bits, because two nodes may
/// begin one at the same time.
fn new_epoch() -> u64 {
    let mut random = [0; 2];
    // Without random numbers, the time must do.
    let _no_random_numbers = getrandom::fill(&mut random);
    unix_ms() << 16 | u64::from(u16::from_ne_bytes(random))
}

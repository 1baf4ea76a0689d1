//! Gives the positions of clients with a resume value to the other nodes: a client may come back to any of them.
//!
//! The positions of new and ended sessions and of new subscriptions are saved within a second, those of events that a
//! client confirms within ten, and all again once a minute, because Redis forgets them after two. So a client whose node
//! was killed gets the events of the last ten seconds again.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};
use tokio::time::{interval, timeout};

use super::connect::RESPONSE_TIMEOUT;
use super::node::Node;
use crate::hub::{ResumeRequest, SavedResume, Unsaved};

static SAVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("save_resume.lua")));

/// Time between two saves of new sessions.
const INTERVAL: Duration = Duration::from_secs(1);

/// Of these many saves, one has the events that clients have confirmed, and one has all positions.
const CHANGED_EVERY: u64 = 10;
const ALL_EVERY: u64 = 60;

/// Time for which positions are kept: that of the node itself.
const MEMORY: Duration = Duration::from_secs(2 * 60);

/// Positions that are saved at once.
const CHUNK: usize = 256;

/// Time in which a handshake waits for positions.
const LOAD_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the connection for positions. Opens it if there is none.
async fn connection(node: &Node) -> RedisResult<MultiplexedConnection> {
    let mut connection = node.resume_connection.lock().await;
    match &*connection {
        Some(connection) => Ok(connection.clone()),
        None => {
            let opened = node.connector.connect(RESPONSE_TIMEOUT).await?;
            Ok(connection.insert(opened).clone())
        }
    }
}

async fn forget_connection(node: &Node) {
    node.resume_connection.lock().await.take();
}

/// Saves positions for as long as the node runs.
pub(super) async fn run(node: &Node) {
    let mut ticks = interval(INTERVAL);
    let mut has_saved = true;
    for count in 0_u64.. {
        ticks.tick().await;
        let wanted = match () {
            // Those that were not saved are marked as saved.
            () if !has_saved || count.is_multiple_of(ALL_EVERY) => Unsaved::All,
            () if count.is_multiple_of(CHANGED_EVERY) => Unsaved::Changed,
            () => Unsaved::Listed,
        };
        has_saved = save_unsaved(node, wanted).await;
    }
}

/// Saves the positions of all sessions.
pub(super) async fn save_all(node: &Node) {
    save_unsaved(node, Unsaved::All).await;
}

/// Returns whether Redis has the positions.
async fn save_unsaved(node: &Node, wanted: Unsaved) -> bool {
    let epoch = node.hub.position().epoch;
    let unsaved = node.hub.resumes().take_unsaved(wanted, epoch);
    for chunk in unsaved.chunks(CHUNK) {
        if save(node, chunk).await.is_ok() {
            continue;
        }
        // The connection may have ended after its last use.
        forget_connection(node).await;
        if let Err(error) = save(node, chunk).await {
            tracing::debug!(%error, "cannot save the positions of clients");
            forget_connection(node).await;
            return false;
        }
    }
    true
}

async fn save(node: &Node, chunk: &[SavedResume]) -> RedisResult<()> {
    let mut connection = connection(node).await?;
    let mut pipeline = redis::pipe();
    for saved in chunk {
        let mut call = SAVE.key(node.keys.resume(&saved.client));
        call.arg(saved.session).arg(&saved.text);
        call.arg(u64::try_from(MEMORY.as_millis()).unwrap_or(u64::MAX));
        pipeline.invoke_script(&call).ignore();
    }
    if let Err(error) = pipeline.query_async::<()>(&mut connection).await {
        if error.code() != Some("NOSCRIPT") {
            return Err(error);
        }
        SAVE.load_async(&mut connection).await?;
        return pipeline.query_async(&mut connection).await;
    }
    Ok(())
}

impl Node {
    /// Loads the positions of a client, if another node has later ones. If that fails, the client is told of gaps.
    pub(crate) async fn load_resume(&self, request: &ResumeRequest) {
        let resumes = self.hub.resumes();
        let (client, known_session) = resumes.client(request);
        match timeout(LOAD_TIMEOUT, load(self, client)).await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(saved))) if saved.session > known_session => {
                resumes.restore(request, &saved, self.hub.position().epoch);
            }
            Ok(Ok(Some(_))) => {}
            Ok(Err(_)) | Err(_) => {
                forget_connection(self).await;
                resumes.restore_unknown(request);
            }
        }
    }
}

async fn get(node: &Node, key: &str) -> RedisResult<Option<String>> {
    let mut connection = connection(node).await?;
    redis::cmd("GET")
        .arg(key)
        .query_async(&mut connection)
        .await
}

async fn load(node: &Node, client: String) -> RedisResult<Option<SavedResume>> {
    let key = node.keys.resume(&client);
    let saved = match get(node, &key).await {
        Ok(saved) => saved,
        Err(_) => {
            // The connection may have ended after its last use.
            forget_connection(node).await;
            get(node, &key).await?
        }
    };
    Ok(saved.map(|saved| {
        let (session, text) = saved.split_once(' ').unwrap_or_default();
        SavedResume {
            client,
            // A number that is none is that of a session of long ago.
            session: session.parse().unwrap_or(0),
            text: text.to_owned(),
        }
    }))
}

//! Gives the positions of clients with a resume value to the other nodes: a client may come back to any of them.
//!
//! The positions of new and ended sessions and of new subscriptions are saved within a second, those of events that a
//! client confirms within ten, and all again once a minute, because Redis forgets them after two. So a client whose node
//! was killed gets the events of the last ten seconds again.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{RedisResult, Script};
use tokio::time::{interval, timeout};

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
        if let Err(error) = save(node, chunk).await {
            tracing::debug!(%error, "cannot save the positions of clients");
            return false;
        }
    }
    true
}

async fn save(node: &Node, chunk: &[SavedResume]) -> RedisResult<()> {
    let mut pipeline = redis::pipe();
    for saved in chunk {
        let mut call = SAVE.key(node.keys.resume(&saved.client));
        call.arg(saved.session).arg(&saved.text);
        call.arg(u64::try_from(MEMORY.as_millis()).unwrap_or(u64::MAX));
        pipeline.invoke_script(&call).ignore();
    }
    node.connection
        .ask(&node.connector, &pipeline, Some(&SAVE))
        .await
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
                // It may hang.
                self.connection.forget().await;
                resumes.restore_unknown(request);
            }
        }
    }
}

async fn load(node: &Node, client: String) -> RedisResult<Option<SavedResume>> {
    let mut get = redis::pipe();
    get.get(node.keys.resume(&client));
    let asked = node.connection.ask(&node.connector, &get, None).await;
    let (saved,): (Option<String>,) = asked?;
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

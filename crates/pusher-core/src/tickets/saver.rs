//! The thread that saves revocations. So a disk that is slow or hangs delays only those who revoke.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::revocations::{Revocation, Revocations};
use super::saved::SavedRevocations;
use crate::unix_time::unix_s;

/// Most revocations that wait for the disk.
const WAITING_MAX: usize = 1000;

/// Time for the disk to save a revocation.
const SAVE_TIMEOUT: Duration = Duration::from_millis(if cfg!(test) { 1000 } else { 5000 });

/// The user is revoked until a restart.
#[derive(Debug, thiserror::Error)]
#[error("the state directory cannot keep the revocation, so a restart forgets it: {0}")]
pub(crate) struct NotSaved(io::Error);

/// Gives revocations to the thread. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Saver {
    work: SyncSender<(Revocation, Answer)>,
    /// The file lacks revocations, because the last write has failed.
    is_behind: Arc<AtomicBool>,
}

type Answer = oneshot::Sender<io::Result<()>>;

/// A revocation on its way to the file.
#[derive(Debug)]
pub(crate) enum Saving {
    /// There is nothing to save.
    No,
    Waits(oneshot::Receiver<io::Result<()>>),
    Failed(io::Error),
}

impl Saver {
    /// Starts the thread. It writes what the others have inserted into `revocations`.
    pub(super) fn start(
        saved: SavedRevocations,
        revocations: Arc<Mutex<Revocations>>,
    ) -> io::Result<Self> {
        let (work, waiting) = sync_channel(WAITING_MAX);
        let is_behind = Arc::<AtomicBool>::default();
        let shared = is_behind.clone();
        let thread = thread::Builder::new().name("revocations".to_owned());
        thread.spawn(move || run(saved, &waiting, &revocations, &shared))?;
        Ok(Self { work, is_behind })
    }

    /// Whether the file lacks revocations, because the last write has failed.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Acquire)
    }

    pub(super) fn save(&self, revocation: &Revocation) -> Saving {
        let (answer, answered) = oneshot::channel();
        match self.work.try_send((revocation.clone(), answer)) {
            Ok(()) => Saving::Waits(answered),
            Err(TrySendError::Full(_)) => {
                self.is_behind.store(true, Ordering::Release);
                Saving::Failed(late())
            }
            Err(TrySendError::Disconnected(_)) => Saving::Failed(ended()),
        }
    }
}

impl Saving {
    /// Waits until the revocation is in the file.
    pub(crate) async fn done(self) -> Result<(), NotSaved> {
        let saved = match self {
            Self::No => Ok(()),
            Self::Failed(error) => Err(error),
            Self::Waits(answer) => match timeout(SAVE_TIMEOUT, answer).await {
                Ok(answer) => answer.unwrap_or_else(|_| Err(ended())),
                Err(_) => Err(late()),
            },
        };
        saved.map_err(NotSaved)
    }
}

fn late() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the disk does not answer")
}

fn ended() -> io::Error {
    io::Error::other("the thread that saves it has ended")
}

fn run(
    mut saved: SavedRevocations,
    waiting: &Receiver<(Revocation, Answer)>,
    revocations: &Mutex<Revocations>,
    is_behind: &AtomicBool,
) {
    for (revocation, answer) in waiting {
        let all = || revocations.lock().needed(unix_s()).collect();
        // One that found no room is in the file only after it is written anew.
        let is_complete = !is_behind.swap(false, Ordering::AcqRel);
        let result = saved.append(&revocation, is_complete, all);
        if result.is_err() {
            is_behind.store(true, Ordering::Release);
        }
        // Nobody waits any longer if the disk was slow.
        let _answered = answer.send(result);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::config::{StateOptions, SyncPolicy};
    use crate::store::{NEW_REVOCATIONS, REVOCATIONS};

    fn start(dir: &Path) -> (Saver, Arc<Mutex<Revocations>>) {
        let state = StateOptions {
            dir: dir.to_owned(),
            sync: SyncPolicy::Always,
        };
        let mut revocations = Revocations::default();
        let saved = SavedRevocations::open(&state, &mut revocations).unwrap();
        let revocations = Arc::new(Mutex::new(revocations));
        let saver = Saver::start(saved, revocations.clone()).unwrap();
        (saver, revocations)
    }

    fn revocation(number: usize) -> Revocation {
        Revocation {
            sub: number.to_string(),
            before_s: unix_s(),
        }
    }

    #[tokio::test]
    async fn failed_write_is_made_good_by_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let (saver, revocations) = start(dir.path());
        let save = |number| {
            let revocation = revocation(number);
            revocations.lock().insert(&revocation, unix_s()).unwrap();
            saver.save(&revocation).done()
        };
        save(1).await.unwrap();
        saver.is_behind.store(true, Ordering::Release);
        // A file cannot be created with the name of a directory.
        fs::create_dir(dir.path().join(NEW_REVOCATIONS)).unwrap();
        save(2).await.unwrap_err();
        assert!(saver.is_behind());
        fs::remove_dir(dir.path().join(NEW_REVOCATIONS)).unwrap();
        save(3).await.unwrap();
        assert!(!saver.is_behind());
        let text = fs::read_to_string(dir.path().join(REVOCATIONS)).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    /// The lock of the revocations stands for a disk that does not answer.
    #[tokio::test]
    async fn revocations_that_wait_for_the_disk_have_limits() {
        let dir = tempfile::tempdir().unwrap();
        let (saver, revocations) = start(dir.path());
        saver.is_behind.store(true, Ordering::Release);
        let (begun, begins) = channel();
        let (answer, answers) = channel::<()>();
        let disk = thread::spawn(move || {
            let _locked = revocations.lock();
            begun.send(()).unwrap();
            answers.recv().unwrap_err();
        });
        begins.recv().unwrap();
        let mut all: Vec<_> = (0..WAITING_MAX + 2)
            .map(|number| saver.save(&revocation(number)))
            .collect();
        // The thread may have taken one.
        let last = all.pop().unwrap();
        assert!(matches!(last, Saving::Failed(_)), "{last:?}");
        last.done().await.unwrap_err();
        let late = all.remove(0).done().await.unwrap_err();
        assert!(
            late.to_string().ends_with("the disk does not answer"),
            "{late}"
        );
        drop(answer);
        disk.join().unwrap();
        all.remove(0).done().await.unwrap();
    }
}

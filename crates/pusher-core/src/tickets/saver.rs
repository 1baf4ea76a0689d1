//! The thread that saves revocations. So a disk that is slow or hangs delays only those who revoke.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    work: SyncSender<(Work, Answer)>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Revocations that wait for the thread.
    waiting: AtomicUsize,
    /// Revocations that the file lacks, because a write has failed or too many waited. The next write is one of all.
    missing: AtomicUsize,
}

#[derive(Debug)]
enum Work {
    Save(Revocation),
    /// Only answers, behind all that waits.
    Nothing,
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
        let shared = Arc::<Shared>::default();
        let thread = thread::Builder::new().name("revocations".to_owned());
        thread.spawn({
            let shared = shared.clone();
            move || run(saved, &waiting, &revocations, &shared)
        })?;
        Ok(Self { work, shared })
    }

    /// Whether the file may lack revocations that others have inserted.
    pub(super) fn is_behind(&self) -> bool {
        let Shared { waiting, missing } = &*self.shared;
        waiting.load(Ordering::Acquire) > 0 || missing.load(Ordering::Acquire) > 0
    }

    /// Gives a revocation to the thread. It must be inserted already.
    pub(super) fn save(&self, revocation: &Revocation) -> Saving {
        self.shared.waiting.fetch_add(1, Ordering::AcqRel);
        let saving = self.send(Work::Save(revocation.clone()));
        if let Saving::Failed(_) = &saving {
            self.shared.missing.fetch_add(1, Ordering::AcqRel);
            self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        saving
    }

    /// Returns what waits until nothing waits for the thread any more.
    pub(super) fn save_all(&self) -> Saving {
        self.send(Work::Nothing)
    }

    fn send(&self, work: Work) -> Saving {
        let (answer, answered) = oneshot::channel();
        match self.work.try_send((work, answer)) {
            Ok(()) => Saving::Waits(answered),
            Err(TrySendError::Full(_)) => Saving::Failed(late()),
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
    waiting: &Receiver<(Work, Answer)>,
    revocations: &Mutex<Revocations>,
    shared: &Shared,
) {
    for (work, answer) in waiting {
        let result = match work {
            Work::Save(revocation) => save(&mut saved, &revocation, revocations, shared),
            Work::Nothing => Ok(()),
        };
        // Nobody waits any longer if the disk was slow.
        let _answered = answer.send(result);
    }
}

fn save(
    saved: &mut SavedRevocations,
    revocation: &Revocation,
    revocations: &Mutex<Revocations>,
    shared: &Shared,
) -> io::Result<()> {
    let missing = shared.missing.load(Ordering::Acquire);
    let all = || revocations.lock().needed(unix_s()).collect();
    let result = saved.append(revocation, missing == 0, all);
    match result {
        // Those that came to be missing meanwhile still are.
        Ok(()) => shared.missing.fetch_sub(missing, Ordering::AcqRel),
        Err(_) => shared.missing.fetch_add(1, Ordering::AcqRel),
    };
    shared.waiting.fetch_sub(1, Ordering::AcqRel);
    result
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
        saver.shared.missing.store(1, Ordering::Release);
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
        saver.shared.missing.store(1, Ordering::Release);
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
        saver.save_all().done().await.unwrap();
        assert!(!saver.is_behind(), "the second one has saved all");
    }
}

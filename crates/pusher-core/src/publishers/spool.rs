//! Publishes the events of the spool.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pusher_proto::spool::{Record, SpoolError};
use pusher_proto::{SessionNameError, check_id, check_value};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::submit::submit;
use crate::context::Context;
use crate::hub::{Publish, PublishError, Recipients};
use crate::spool::{Claimed, OpenError, Spool, Work, works};
use crate::stats::Source;
use crate::unix_time::unix_ms;

/// Time between two looks into the directory.
const INTERVAL: Duration = Duration::from_secs(1);

/// Time that the spool may take at the start, before publishers can connect.
const START_WAIT: Duration = Duration::from_secs(2);

/// Publishes the events of one spool, again and again.
pub(crate) struct Drainer {
    context: Arc<Context>,
    spool: Arc<Spool>,
    /// Files that are not done: a publisher may still write to them, the server could not accept an event, or they could
    /// not be read or removed.
    open: HashMap<PathBuf, Arc<Mutex<Claimed>>>,
}

/// Why a file is not done.
enum Stop {
    /// The server cannot accept events now.
    Later,
    File(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Drainer {
    pub(crate) fn new(context: Arc<Context>, spool: Arc<Spool>) -> Self {
        Self {
            context,
            spool,
            open: HashMap::new(),
        }
    }

    /// Drains the events of the time before the start, within a time limit.
    pub(crate) async fn start(&mut self) {
        if timeout(START_WAIT, self.drain()).await.is_err() {
            tracing::warn!("the spool is not drained yet: publishers can connect meanwhile");
        }
    }

    /// Drains until the server accepts no more publishes.
    pub(crate) async fn run(mut self) {
        let stop = self.context.tasks.publishers_end.clone();
        let spool = self.spool.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = spool.drains.wanted() => {}
                () = sleep(INTERVAL) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.drain() => {}
            }
        }
    }

    /// Publishes everything that is in the spool, and ends the requests for that.
    async fn drain(&mut self) {
        let number = self.spool.drains.begin();
        let spool = self.spool.clone();
        let claimed = blocking(move || spool.directory.claim()).await;
        let files = match claimed {
            Ok(files) => files,
            Err(error) => {
                let path = self.spool.directory.path().display();
                self.spool.set_failure(Some(format!("{path}: {error}")));
                // Publishers must not wait for a spool that cannot be read.
                return self.spool.drains.end(number);
            }
        };
        self.open.retain(|path, _| files.contains(path));
        let mut failure = None;
        for path in files {
            match self.drain_file(&path).await {
                Ok(()) => {}
                Err(Stop::Later) => return,
                Err(Stop::File(error)) => failure = Some(format!("{}: {error}", path.display())),
            }
        }
        self.spool.set_failure(failure);
        self.spool.drains.end(number);
    }

    async fn drain_file(&mut self, path: &Path) -> Result<(), Stop> {
        let Some(claimed) = self.open(path).await? else {
            return Ok(());
        };
        let file = claimed.clone();
        let rest = blocking(move || file.lock().rest()).await?;
        let mut done = 0;
        for (end, work) in works(&rest.bytes, unix_ms()) {
            self.work(work).await?;
            claimed.lock().set_done(end - done);
            done = end;
        }
        claimed.lock().set_done(rest.bytes.len() - done);
        if rest.is_complete {
            blocking(move || claimed.lock().remove()).await?;
            self.open.remove(path);
        }
        Ok(())
    }

    /// Returns a file that is not done. Sets it aside and returns `None` if its owner may not publish.
    async fn open(&mut self, path: &Path) -> Result<Option<Arc<Mutex<Claimed>>>, Stop> {
        if let Some(claimed) = self.open.get(path) {
            return Ok(Some(claimed.clone()));
        }
        let (spool, name) = (self.spool.clone(), path.to_owned());
        let open = move || match spool.directory.open(&name) {
            Ok(claimed) => Ok(Ok(claimed)),
            Err(OpenError::Refused(reason)) => {
                spool.directory.set_file_aside(&name)?;
                Ok(Err(reason))
            }
            Err(OpenError::Io(error)) => Err(error),
        };
        match blocking(open).await? {
            Ok(claimed) => {
                let claimed = Arc::new(Mutex::new(claimed));
                self.open.insert(path.to_owned(), claimed.clone());
                Ok(Some(claimed))
            }
            Err(reason) => {
                self.context.counters.spool_set_aside.add(1);
                let text = format_args!("setting a file of publishers aside: {reason}");
                let _logged = self.context.publisher_log.about("the spool", text);
                Ok(None)
            }
        }
    }

    async fn work(&self, work: Work<'_>) -> Result<(), Stop> {
        let counters = &self.context.counters;
        match work {
            Work::Publish(record) => return self.publish(&record).await,
            Work::Expired => counters.spool_expired.add(1),
            Work::Superseded => counters.spool_superseded.add(1),
            Work::SetAside(line, error) => {
                counters.spool_set_aside.add(1);
                self.set_aside(line.to_owned(), error).await;
            }
        }
        Ok(())
    }

    async fn set_aside(&self, line: Vec<u8>, error: SpoolError) {
        let spool = self.spool.clone();
        let kept = blocking(move || spool.directory.set_aside(&line)).await;
        let fate = match kept {
            Ok(true) => "set aside".to_owned(),
            Ok(false) => "lost, because the file for such records is full".to_owned(),
            Err(error) => format!("lost: {error}"),
        };
        let text = format_args!("{error}: it is {fate}");
        let _logged = self.context.publisher_log.about("the spool", text);
    }

    async fn publish(&self, record: &Record<'_>) -> Result<(), Stop> {
        let counters = &self.context.counters;
        match self.try_publish(record).await {
            Ok(()) => {
                counters.spool_drained.add(1);
                Ok(())
            }
            Err(Refused::Later) => Err(Stop::Later),
            Err(Refused::Forever(reason)) => {
                counters.spool_refused.add(1);
                let text = format_args!("refusing a record of the spool: {reason}");
                let _logged = self.context.publisher_log.about("the spool", text);
                Ok(())
            }
        }
    }

    async fn try_publish(&self, record: &Record<'_>) -> Result<(), Refused> {
        let forever = |reason: &dyn ToString| Refused::Forever(reason.to_string());
        self.check_token(record)?;
        check_id(&record.id).map_err(|error| forever(&error))?;
        check_value(record.event).map_err(|error| forever(&error))?;
        let excluded = record.exclude.as_deref().map(str::parse).transpose();
        let excluded = excluded.map_err(|error: SessionNameError| forever(&error))?;
        let publish = Publish {
            id: Some(&record.id),
            recipients: excluded.map(Recipients::all_but),
            ..Publish::new(&record.topic, record.event, Source::Spool)
        };
        let receipt = submit(&self.context, publish).await;
        match receipt {
            Ok(_) => Ok(()),
            Err(
                PublishError::Overloaded
                | PublishError::LogUnavailable(_)
                | PublishError::SharedLog
                | PublishError::Ending,
            ) => Err(Refused::Later),
            Err(error @ (PublishError::Topic(_) | PublishError::Event(_)))
            | Err(error @ PublishError::EventTooLong { .. }) => Err(forever(&error)),
        }
    }

    /// Checks the token. Without a token, every user who can make files in the directory may publish.
    fn check_token(&self, record: &Record<'_>) -> Result<(), Refused> {
        match (&self.context.live.options().publish_token, &record.token) {
            (None, _) => Ok(()),
            (Some(token), Some(shown)) if token.is(shown) => Ok(()),
            (Some(_), _) => {
                let text = "its token is wrong, or missing";
                Err(Refused::Forever(text.to_owned()))
            }
        }
    }
}

/// Why a record is not published.
enum Refused {
    Later,
    Forever(String),
}

/// Calls a function that may wait for the disk.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(call).await.map_err(io::Error::other)?
}

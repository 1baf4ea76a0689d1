//! The threads of the shards.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinError;

use super::heartbeat;
use crate::context::Context;
use crate::hub::{Shard, run_flusher};

/// Time for lookups of names, which nothing can stop, at the end of a thread.
const LOOKUPS_END_TIMEOUT: Duration = Duration::from_secs(1);

/// The thread of one shard.
pub(super) struct ShardThread {
    pub(super) handle: Handle,
    pub(super) thread: thread::JoinHandle<()>,
    /// Resolves when the thread ends, also after a panic.
    pub(super) ended: oneshot::Receiver<()>,
}

/// Starts the threads of all shards. If one cannot be started, stops the others.
pub(super) async fn start_shards(context: &Arc<Context>) -> io::Result<Vec<ShardThread>> {
    let mut shards = Vec::new();
    for shard in context.hub.shards() {
        match start_shard(context, shard) {
            Ok(started) => shards.push(started),
            Err(error) => {
                context.tasks.ended.cancel();
                for started in shards {
                    let _ended = started.ended.await;
                    let _joined = started.thread.join();
                }
                let text = format!("cannot start a thread: {error}");
                return Err(io::Error::new(error.kind(), text));
            }
        }
    }
    Ok(shards)
}

fn start_shard(context: &Arc<Context>, shard: &Arc<Shard>) -> io::Result<ShardThread> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    let (ending, ended) = oneshot::channel::<()>();
    // Hand the runtime over only to a running thread. If the spawn fails, its closure is dropped in this task, and tokio
    // panics if a runtime is dropped there.
    let (give, take) = mpsc::channel::<Runtime>();
    let (context, shard) = (context.clone(), shard.clone());
    let started = thread::Builder::new()
        .name(format!("shard-{}", shard.index()))
        .spawn(move || {
            let _ending = ending;
            if let Ok(runtime) = take.recv() {
                serve_shard(&runtime, &context, shard);
                runtime.shutdown_timeout(LOOKUPS_END_TIMEOUT);
            }
        });
    match started {
        Ok(thread) => {
            let _taken = give.send(runtime);
            Ok(ShardThread {
                handle,
                thread,
                ended,
            })
        }
        Err(error) => {
            runtime.shutdown_background();
            Err(error)
        }
    }
}

/// Runs the flusher and the heartbeat of a shard. Its browsers are other tasks of the same runtime.
fn serve_shard(runtime: &Runtime, context: &Arc<Context>, shard: Arc<Shard>) {
    runtime.block_on(async {
        tokio::select! {
            () = context.tasks.ended.cancelled() => {}
            Err(error) = runtime.spawn(run_flusher(context.hub.clone(), shard.clone(), context.io_uring)) => resume_panic(error),
            () = heartbeat::run(context.clone(), shard) => {}
        }
    });
}

/// Continues the flusher's panic on the shard's thread: a shard without a flusher must end.
fn resume_panic(error: JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}

/// Waits until one of the threads has ended.
pub(super) async fn wait_for_first<'a>(
    threads: impl Iterator<Item = &'a mut oneshot::Receiver<()>>,
) {
    let mut threads: Vec<_> = threads.collect();
    std::future::poll_fn(|task| {
        let mut threads = threads.iter_mut();
        let ended = threads.any(|ended| std::pin::Pin::new(&mut **ended).poll(task).is_ready());
        match ended {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

//! The types of `src/sync.rs`, with steps that shuttle orders.

pub(crate) use shuttle::sync::atomic;

use shuttle::sync::MutexGuard;

/// A lock without poisoning, as that of parking_lot.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}

/// A notification of tokio. Each call is a step of its thread.
#[derive(Debug, Default)]
pub(crate) struct Notify(tokio::sync::Notify);

impl Notify {
    pub(crate) fn notify_one(&self) {
        step();
        self.0.notify_one();
    }

    pub(crate) fn notify_waiters(&self) {
        step();
        self.0.notify_waiters();
    }

    pub(crate) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        step();
        self.0.notified()
    }
}

/// Lets another thread run.
fn step() {
    let _value = atomic::AtomicBool::new(false).load(atomic::Ordering::SeqCst);
}

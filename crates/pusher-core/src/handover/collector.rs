//! Collects the connections of a server that is handed over. Their tasks bring them here.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::descriptor::Descriptor;
use super::state::{Browser, ListenerKind, Publisher, Webhooks};

/// The connections that have been brought so far, and the signals to bring them.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    has_begun: AtomicBool,
    takes_sessions: AtomicBool,
    stop_reading: CancellationToken,
    listeners: Mutex<Vec<(ListenerKind, Descriptor)>>,
    browsers: Mutex<Vec<(Browser, Descriptor)>>,
    publishers: Mutex<Vec<(Publisher, Descriptor)>>,
    webhooks: Mutex<Webhooks>,
}

impl Collector {
    /// Begins. Nothing is read any more. The tasks of listeners, publishers and handshakes bring their sockets.
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
        self.stop_reading.cancel();
    }

    /// Whether the server is being handed over.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Returns the signal of [`begin`](Self::begin).
    pub(crate) fn stop_reading(&self) -> &CancellationToken {
        &self.stop_reading
    }

    /// Makes sessions and event streams bring their sockets as soon as they are woken to check their subscriptions.
    pub(crate) fn take_sessions(&self) {
        self.takes_sessions.store(true, Ordering::SeqCst);
    }

    pub(crate) fn takes_sessions(&self) -> bool {
        self.takes_sessions.load(Ordering::Relaxed)
    }

    pub(crate) fn bring_listener(&self, listener: ListenerKind, descriptor: Descriptor) {
        self.listeners.lock().push((listener, descriptor));
    }

    pub(crate) fn bring_browser(&self, browser: Browser, descriptor: Descriptor) {
        self.browsers.lock().push((browser, descriptor));
    }

    pub(crate) fn bring_publisher(&self, publisher: Publisher, descriptor: Descriptor) {
        self.publishers.lock().push((publisher, descriptor));
    }

    pub(crate) fn bring_webhooks(&self, webhooks: Webhooks) {
        *self.webhooks.lock() = webhooks;
    }

    pub(crate) fn take_webhooks(&self) -> Webhooks {
        std::mem::take(&mut self.webhooks.lock())
    }

    pub(crate) fn take_listeners(&self) -> Vec<(ListenerKind, Descriptor)> {
        std::mem::take(&mut self.listeners.lock())
    }

    pub(crate) fn take_browsers(&self) -> Vec<(Browser, Descriptor)> {
        std::mem::take(&mut self.browsers.lock())
    }

    pub(crate) fn take_publishers(&self) -> Vec<(Publisher, Descriptor)> {
        std::mem::take(&mut self.publishers.lock())
    }
}

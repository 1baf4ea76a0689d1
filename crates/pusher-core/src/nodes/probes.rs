//! The state of a node's probes.

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// The probes of one node.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// The probe to append next.
    wanted: Mutex<Option<u64>>,
    is_wanted: Notify,
    /// Number of the last probe that was appended.
    appended: watch::Sender<u64>,
    /// Number of the last probe that came back.
    arrived: watch::Sender<u64>,
    /// Notified if a probe does not come back: the reader connects again.
    lost: Notify,
    /// Notified if the next probe must not wait: it makes the node notice an epoch.
    hurry: Notify,
}

impl Probes {
    /// Takes the number of the probe to append.
    pub(super) fn take_wanted(&self) -> Option<u64> {
        self.wanted.lock().take()
    }

    pub(super) async fn wanted(&self) {
        self.is_wanted.notified().await;
    }

    pub(super) fn set_appended(&self, number: u64) {
        self.appended.send_replace(number);
    }

    /// Records that a probe came back.
    pub(super) fn set_arrived(&self, number: u64) {
        self.arrived.send_replace(number);
    }

    pub(super) fn set_lost(&self) {
        self.lost.notify_one();
    }

    /// Waits for the next request to hurry.
    pub(super) async fn hurried(&self) {
        self.hurry.notified().await;
    }

    /// Waits until a probe is lost.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }

    pub(super) fn hurry(&self) {
        self.hurry.notify_one();
    }

    pub(super) fn want(&self, number: u64) {
        *self.wanted.lock() = Some(number);
        self.is_wanted.notify_one();
    }

    pub(super) async fn is_appended(&self, number: u64) {
        // The senders live as long as this.
        let mut appended = self.appended.subscribe();
        let _appended = appended.wait_for(|appended| *appended >= number).await;
    }

    pub(super) async fn has_come_back(&self, number: u64) {
        let mut arrived = self.arrived.subscribe();
        let _arrived = arrived.wait_for(|arrived| *arrived >= number).await;
    }

    /// Returns the number of the next probe that is appended.
    pub(super) fn next_number(&self) -> u64 {
        *self.appended.borrow() + 1
    }
}

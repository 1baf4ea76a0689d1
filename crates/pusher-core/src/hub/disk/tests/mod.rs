//! Tests of the log on disk.

mod queue;

use pusher_proto::wamp::event_frame;

use super::*;
use crate::connection::Topic;
use crate::hub::event_frame::EventFrame;
use crate::hub::log::NewEvent;
use crate::store::StoreOptions;

fn entry(sequence: u64, len: usize) -> Arc<Entry> {
    let event = "1".repeat(len);
    let new_event = NewEvent {
        frame: EventFrame::new(event_frame("t", &event), len),
        recipients: None,
        at_ms: 0,
        channels: None,
    };
    Arc::new(Entry::new(sequence, &Topic::from("t"), new_event))
}

/// Makes a disk without a writer's thread. The test takes the work out of the queue itself.
fn disk(folder: &tempfile::TempDir, complete_after: u64) -> Disk {
    let options = StoreOptions {
        len_max: 1 << 20,
        segment_len_max: 1 << 20,
        is_synced: false,
        new_epoch: 1,
        selection: 0,
    };
    let (store, _) = Store::open(folder.path(), options, &mut |_| {}).unwrap();
    Disk {
        shared: Arc::new(Shared::new(&store, complete_after, Arc::default())),
        policy: SyncPolicy::Never,
        sync_thread: Arc::default(),
        has_sync_thread: false,
    }
}

/// A reader that has seen the event 3 would otherwise take itself for up to date when it asks for those behind 1.
#[tokio::test]
async fn what_was_shown_remains_visible_after_a_stall() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(&folder, 0);
    disk.put(&entry(1, 1), None);
    assert_eq!(disk.newest_unsettled(), Some(1));
    disk.shared.queue.next();
    disk.put(&entry(2, 1), None);
    assert!(!disk.is_settled(1));
    assert!(disk.shared.queue.check(Duration::ZERO));
    assert_eq!(disk.settled_until(), u64::MAX);
    disk.put(&entry(3, 1), None);
    assert_eq!((disk.newest_unsettled(), disk.is_settled(3)), (None, true));
    assert_eq!(disk.written(3).await, Stored::Memory);
    assert!(disk.failure().is_some());
    disk.shared.done(false);
    assert_eq!(disk.failure(), None);
    assert!(disk.is_settled(3));
    disk.put(&entry(4, 1), None);
    assert_eq!(
        (disk.settled_until(), disk.newest_unsettled()),
        (3, Some(4))
    );
    disk.shared.done(true);
}

#[tokio::test]
async fn events_of_another_log_are_in_memory_only() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(&folder, 5);
    assert_eq!(disk.written(5).await, Stored::Memory);
    assert_eq!(disk.settled_until(), u64::MAX);
    disk.shared.done(true);
}

//! Publishers of several threads, and the flusher of one shard.

use std::sync::Arc;

use shuttle::{future, thread};

use super::event_frame::EventFrame;
use super::mailbox::{Delivery, Mailbox};

/// Length of each event, and the bytes at which publishers wait.
const EVENT_LEN: usize = 10;
const BACKLOG_LEN_MAX: usize = 15;

const PUBLISHERS: u64 = 2;
const EVENTS: u64 = 3;

fn delivery(publisher: u64, number: u64) -> Delivery {
    Delivery {
        topic: publisher.to_string().into(),
        frame: EventFrame { len: EVENT_LEN },
        sequence: number,
        recipients: None,
        has_history: false,
        gap: None,
        channels: None,
    }
}

/// Publishes some events, and waits before each one until there is room.
async fn publish_all(mailbox: &Mailbox, publisher: u64) {
    for number in 0..EVENTS {
        mailbox.backlog.below(BACKLOG_LEN_MAX).await;
        mailbox.put(delivery(publisher, number));
    }
}

/// Takes events until it has all, as the flusher does, and checks the order and the room.
async fn take_all(mailbox: &Mailbox) {
    let mut next = [0; PUBLISHERS as usize];
    let mut deliveries = Vec::new();
    while next.iter().sum::<u64>() < PUBLISHERS * EVENTS {
        mailbox.arrived().await;
        // Each publisher may add one event at the same time.
        let len = mailbox.backlog.len();
        assert!(len < BACKLOG_LEN_MAX + PUBLISHERS as usize * EVENT_LEN);
        mailbox.take_into(&mut deliveries);
        for delivery in deliveries.drain(..) {
            let publisher: usize = delivery.topic.parse().unwrap();
            assert_eq!(delivery.sequence, next[publisher]);
            next[publisher] += 1;
            mailbox.backlog.remove(delivery.frame.len());
        }
    }
    assert_eq!(mailbox.backlog.len(), 0);
}

#[test]
fn every_event_reaches_the_flusher_and_every_publisher_goes_on() {
    crate::check(|| {
        let mailbox = Arc::new(Mailbox::default());
        let publishers = (0..PUBLISHERS).map(|publisher| {
            let mailbox = mailbox.clone();
            thread::spawn(move || future::block_on(publish_all(&mailbox, publisher)))
        });
        let publishers: Vec<_> = publishers.collect();
        future::block_on(take_all(&mailbox));
        for publisher in publishers {
            publisher.join().unwrap();
        }
    });
}

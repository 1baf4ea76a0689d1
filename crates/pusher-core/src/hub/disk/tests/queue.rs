//! Tests of the queue.

use std::time::Duration;

use super::entry;
use crate::hub::disk::queue::{Queue, STALLED_LEN_MAX, Unwritten, WORK_LEN_MAX, Work};

fn put(queue: &Queue, sequence: u64, len: usize) -> bool {
    queue.put(&entry(sequence, len), None)
}

fn sequences(work: &Work) -> Vec<u64> {
    work.events.iter().map(Unwritten::sequence).collect()
}

/// Puts an event, and makes the writer take too long with it.
fn stalled() -> Queue {
    let queue = Queue::default();
    assert!(put(&queue, 1, 1));
    assert!(!queue.check(Duration::ZERO), "the writer has not begun");
    assert_eq!(sequences(&queue.next()), [1]);
    assert!(!queue.check(Duration::from_secs(1000)));
    assert!(queue.check(Duration::ZERO));
    assert!(!queue.check(Duration::ZERO), "it is known");
    queue
}

#[test]
fn events_wait_for_a_writer_that_takes_too_long() {
    let queue = stalled();
    for sequence in 2..=4 {
        assert!(put(&queue, sequence, 1));
    }
    assert!(queue.len() > 0);
    assert!(queue.done(false));
    assert!(!queue.is_stalled());
    let work = queue.next();
    assert_eq!(sequences(&work), [2, 3, 4]);
    assert_eq!((work.clears, queue.len()), (false, 0));
}

#[test]
fn too_many_events_for_a_writer_that_takes_too_long_are_dropped() {
    let queue = stalled();
    let mut puts = 2..;
    let last = puts.find(|sequence| !put(&queue, *sequence, STALLED_LEN_MAX / 4));
    assert_eq!(last, Some(5), "three and their frames fit");
    assert!(put(&queue, 6, 1));
    assert!(queue.done(false));
    let work = queue.next();
    assert_eq!(sequences(&work), [6]);
    assert!(work.clears);
}

#[test]
fn a_writer_that_answers_takes_more() {
    let queue = Queue::default();
    for sequence in 1..=5 {
        assert!(put(&queue, sequence, STALLED_LEN_MAX / 4));
    }
    for sequence in 1..=5 {
        assert_eq!(
            sequences(&queue.next()),
            [sequence],
            "each is a piece of work"
        );
    }
    assert_eq!(queue.len(), 0);
}

#[test]
fn a_piece_of_work_has_a_limit_and_the_end_comes_last() {
    let queue = Queue::default();
    let puts = 8;
    (1..=puts).for_each(|sequence| assert!(put(&queue, sequence, WORK_LEN_MAX / 4)));
    queue.mark(100);
    queue.end(Some(100));
    let first = queue.next();
    assert_eq!(sequences(&first), [1, 2, 3, 4]);
    assert!(first.mark.is_none() && first.end.is_none());
    let second = queue.next();
    assert_eq!(sequences(&second), [5, 6, 7, 8]);
    assert!(second.mark.is_some() && second.end.is_some());
}

#[test]
fn a_mark_is_not_before_events_that_are_dropped() {
    let queue = stalled();
    queue.mark(2);
    let mut puts = 3..;
    let last = puts.find(|sequence| !put(&queue, *sequence, STALLED_LEN_MAX / 4));
    queue.done(false);
    assert_eq!(queue.next().mark, last);
    put(&queue, 10, 1);
    queue.mark(9);
    queue.change_selection(7);
    assert_eq!(queue.next().mark, Some(10));
    // A mark that comes late.
    queue.done(false);
    queue.mark(8);
    assert_eq!(queue.next().mark, Some(10));
}

#[test]
fn steps_wait_together_and_the_first_end_counts() {
    let queue = Queue::default();
    put(&queue, 1, 1);
    queue.change_selection(7);
    put(&queue, 2, 1);
    queue.mark(20);
    queue.mark(10);
    queue.end(Some(30));
    queue.end(None);
    let work = queue.next();
    assert_eq!(work.selection, Some(7));
    assert_eq!(sequences(&work), [2], "the others belong to the old log");
    assert_eq!(work.mark, Some(20));
    assert_eq!(work.end.unwrap().top, Some(30));
    assert!(!queue.has_ended());
    queue.done(true);
    assert!(queue.has_ended());
}

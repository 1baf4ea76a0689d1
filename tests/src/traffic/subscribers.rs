//! Subscribers that stay, and subscribers that come and go.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::run::{END, Run};
use crate::history::{Id, Reading};
use crate::random::Random;
use crate::wamp::Wamp;

/// Limit for the number of events that a passing subscriber reads.
const PASSING_EVENTS: usize = 60;

#[track_caller]
pub(super) fn subscribed_to_all(run: &Run) -> Wamp {
    let mut wamp = Wamp::connect(run.web);
    for topic in &run.topics {
        wamp.send(&json!([5, topic]));
    }
    wamp.barrier();
    wamp
}

/// Reads until the last event of every topic. Returns the events, and their ages in microseconds.
pub(super) fn stay(run: &Run, index: usize, mut wamp: Wamp) -> (Vec<Reading>, Vec<u64>) {
    let mut came: BTreeMap<String, Vec<Id>> = BTreeMap::new();
    let mut latencies_us = Vec::new();
    let mut ended = 0;
    while ended < run.topics.len() {
        let event = Event::of(&wamp.message());
        latencies_us.push(run.now_us().saturating_sub(event.at_us));
        ended += usize::from(event.is_last);
        came.entry(event.topic).or_default().push(event.id);
    }
    wamp.assert_nothing_waits();
    let reading = |(topic, ids)| Reading {
        subscriber: format!("staying {index}"),
        topic,
        ids,
        stays: true,
    };
    (came.into_iter().map(reading).collect(), latencies_us)
}

/// Repeatedly subscribes, reads some events, and leaves in one of several ways.
pub(super) fn pass(run: &Run, index: usize, seed: u64) -> Vec<Reading> {
    let mut random = Random::new(seed);
    let mut readings = Vec::new();
    while !run.is_over() {
        let topic = random.one_of(&run.topics);
        let mut wamp = Wamp::subscribed(run.web, topic);
        // If the run is not over, the last event is still to come, so the read below ends.
        if run.is_over() {
            break;
        }
        readings.push(Reading {
            subscriber: format!("passing {index}, {}", readings.len()),
            topic: topic.clone(),
            ids: read_some(&mut wamp, &mut random),
            stays: false,
        });
    }
    readings
}

fn read_some(wamp: &mut Wamp, random: &mut Random) -> Vec<Id> {
    let mut ids = Vec::new();
    for _ in 0..random.below(PASSING_EVENTS) {
        let event = Event::of(&wamp.message());
        ids.push(event.id);
        if event.is_last {
            return ids;
        }
    }
    match random.below(3) {
        // Leaves without a close frame. Unread data makes this a reset.
        0 => {}
        1 => wamp.begin_close(),
        _ => {
            let topic = wamp.message();
            let topic = Event::of(&topic);
            ids.push(topic.id);
            wamp.unsubscribe(&topic.topic);
            ids.extend(wamp.take_waiting().iter().map(|event| Event::of(event).id));
        }
    }
    ids
}

struct Event {
    topic: String,
    id: Id,
    at_us: u64,
    is_last: bool,
}

impl Event {
    #[track_caller]
    fn of(message: &Value) -> Self {
        assert_eq!(message[0], 8, "not an event: {message}");
        let event = &message[2];
        Self {
            topic: message[1].as_str().expect("a topic").to_owned(),
            id: event["id"].as_u64().expect("an id"),
            at_us: event["at"].as_u64().expect("a time"),
            is_last: event[END] == true,
        }
    }
}

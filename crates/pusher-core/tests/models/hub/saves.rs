//! Sessions that subscribe, and the task that saves their positions for the other nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use shuttle::thread;

use super::resumes::{ResumeRequest, Resumes, Unsaved, topic_mark};
use super::since::Since;
use crate::connection::Session;

const TOPICS: [&str; 3] = ["cats", "dogs", "birds"];

/// Returns the topics of the sessions that are to be saved.
fn save(resumes: &Resumes) -> Option<BTreeSet<u64>> {
    let taken = resumes.take(Unsaved::Listed).pop()?;
    let confirmed = taken.confirmed.lock();
    Some(confirmed.topics.keys().copied().collect())
}

#[test]
fn every_subscription_is_saved() {
    crate::check(|| {
        let resumes = Arc::new(Resumes::default());
        let request = ResumeRequest {
            value: "value".to_owned(),
            since: Since::Now,
        };
        // From now on there is somebody who saves.
        let _none = resumes.take(Unsaved::All);
        let resume = resumes.begin(&request, &Session);
        let session = {
            let resumes = resumes.clone();
            thread::spawn(move || {
                for topic in TOPICS {
                    resume.subscribe(topic, 1, false);
                    resumes.list(&resume);
                }
            })
        };
        let mut saved = save(&resumes);
        saved = save(&resumes).or(saved);
        session.join().unwrap();
        saved = save(&resumes).or(saved);
        assert_eq!(saved, Some(TOPICS.map(topic_mark).into()));
        assert_eq!(save(&resumes), None, "nothing has changed since");
    });
}

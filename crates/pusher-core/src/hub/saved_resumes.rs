//! The positions of clients with a resume value, as text: nodes that share a log give them to each other.

use std::fmt::Write;
use std::sync::Arc;

use super::resumes::{Confirmed, Resume, ResumeRequest, Resumes, Unsaved};
use super::since::Since;

/// The positions of one client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SavedResume {
    /// Stands for the resume value.
    pub(crate) client: String,
    /// Number of the client's session. It has another session after each loss of the connection.
    pub(crate) session: u32,
    /// `EPOCH SINCE MARK=SEQUENCE,...`, where SINCE is `now`, `unknown` or a position.
    pub(crate) text: String,
}

impl Resumes {
    /// Returns the client's name in Redis, and the number of its session at this node, or 0.
    pub(crate) fn client(&self, request: &ResumeRequest) -> (String, u32) {
        let key = request.key();
        (client(key), self.session_number(key))
    }

    /// Takes over the positions that another node has saved.
    pub(crate) fn restore(&self, request: &ResumeRequest, saved: &SavedResume, epoch: u64) {
        let confirmed = decode(&saved.text, epoch).unwrap_or_else(Confirmed::unknown);
        self.put(request.key(), saved.session, confirmed);
    }

    /// Records that another node may have positions of a client, which are not known here.
    pub(crate) fn restore_unknown(&self, request: &ResumeRequest) {
        self.put(request.key(), 0, Confirmed::unknown());
    }

    /// Takes the positions to save.
    pub(crate) fn take_unsaved(&self, wanted: Unsaved, epoch: u64) -> Vec<SavedResume> {
        let taken = self.take(wanted);
        taken.iter().map(|resume| save(resume, epoch)).collect()
    }
}

fn client((high, low): (u64, u64)) -> String {
    format!("{high:016x}{low:016x}")
}

fn save(resume: &Arc<Resume>, epoch: u64) -> SavedResume {
    SavedResume {
        client: client(resume.key),
        session: resume.number,
        text: encode(&resume.confirmed.lock(), epoch),
    }
}

fn encode(confirmed: &Confirmed, epoch: u64) -> String {
    let since = match confirmed.since {
        Since::Now => "now".to_owned(),
        Since::Unknown => "unknown".to_owned(),
        Since::Position(position) => position.to_string(),
    };
    let mut text = format!("{epoch} {since} ");
    for (index, (mark, sequence)) in confirmed.topics.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _written = write!(text, "{comma}{mark:x}={sequence}");
    }
    text
}

/// Decodes positions. In another epoch than theirs, they are gaps. Fails if the text is no such text.
fn decode(text: &str, epoch: u64) -> Option<Confirmed> {
    let mut parts = text.split(' ');
    let saved_epoch: u64 = parts.next()?.parse().ok()?;
    let since = match parts.next()? {
        "now" => Since::Now,
        since => Since::parse(since),
    };
    let topics = parts.next()?.split(',').filter(|topic| !topic.is_empty());
    let topics = topics.map(|topic| {
        let (mark, sequence) = topic.split_once('=')?;
        let mark = u64::from_str_radix(mark, 16).ok()?;
        Some((mark, sequence.parse().ok()?))
    });
    let mut confirmed = Confirmed {
        topics: topics.collect::<Option<_>>()?,
        since,
    };
    if saved_epoch != epoch {
        confirmed.forget();
    }
    Some(confirmed)
}

#[cfg(test)]
mod tests {
    use pusher_proto::Position;

    use super::*;

    const EPOCH: u64 = 7;

    fn confirmed(since: Since) -> Confirmed {
        let mark = super::super::resumes::topic_mark("cats");
        Confirmed {
            topics: [(mark, 12), (mark + 1, u64::MAX)].into_iter().collect(),
            since,
        }
    }

    #[test]
    fn positions_round_trip() {
        let position = Position {
            epoch: EPOCH,
            sequence: 3,
        };
        for since in [Since::Now, Since::Unknown, Since::Position(position)] {
            let saved = encode(&confirmed(since), EPOCH);
            let restored = decode(&saved, EPOCH).unwrap();
            assert_eq!(restored.since, since);
            assert_eq!(restored.topics, confirmed(since).topics);
        }
        let none = Confirmed {
            topics: [].into_iter().collect(),
            since: Since::Now,
        };
        assert!(
            decode(&encode(&none, EPOCH), EPOCH)
                .unwrap()
                .topics
                .is_empty()
        );
    }

    #[test]
    fn each_change_is_saved_and_all_are_saved_again() {
        let resumes = Resumes::default();
        resumes.put((1, 2), 1, confirmed(Since::Now));
        let resume = resumes.take(Unsaved::All).remove(0);
        let saved = |wanted| {
            let mut saved = resumes.take_unsaved(wanted, EPOCH);
            saved.pop().map(|saved| saved.text)
        };
        assert_eq!(saved(Unsaved::Listed), None);
        resume.subscribe("dogs", 5, false);
        resumes.list(&resume);
        let text = saved(Unsaved::Listed).unwrap();
        assert!(
            decode(&text, EPOCH)
                .unwrap()
                .topics
                .values()
                .any(|known| *known == 5)
        );
        let mark = super::super::resumes::topic_mark("dogs");
        resume.confirm(mark, 6);
        assert_eq!(saved(Unsaved::Listed), None, "it can wait");
        assert!(saved(Unsaved::Changed).is_some());
        assert_eq!(saved(Unsaved::Changed), None);
        assert!(saved(Unsaved::All).is_some(), "else Redis forgets it");
    }

    #[test]
    fn positions_of_another_epoch_are_gaps() {
        let restored = decode(&encode(&confirmed(Since::Now), EPOCH), EPOCH + 1).unwrap();
        let forgotten = {
            let mut forgotten = confirmed(Since::Now);
            forgotten.forget();
            forgotten
        };
        assert_eq!(restored.since, Since::Unknown);
        assert_eq!(restored.topics, forgotten.topics);
    }

    #[test]
    fn other_texts_have_no_positions() {
        for text in [
            "",
            "7",
            "7 now",
            "x now 1=2",
            "7 now 1",
            "7 now g=1",
            "7 now 1=-2",
            "7 now 1=2,",
        ] {
            let is_decoded = decode(text, EPOCH).is_some();
            assert_eq!(is_decoded, text == "7 now 1=2,", "{text}");
        }
    }
}

//! The positions of clients with a resume value, as another process takes them over.

use std::sync::Arc;

use super::resumes::{Confirmed, Resumes, Unsaved};
use super::since::Since;
use crate::connection::Session;
use crate::handover;
use crate::hub::Resume;

impl Resumes {
    /// Returns the positions of all clients.
    pub(crate) fn hand_over(&self) -> Vec<handover::Resume> {
        let all = self.take(Unsaved::All);
        let all = all.iter().map(|resume| {
            let confirmed = resume.confirmed.lock();
            handover::Resume {
                key: resume.key,
                number: resume.number,
                topics: confirmed
                    .topics
                    .iter()
                    .map(|(&mark, &known)| (mark, known))
                    .collect(),
                since: match confirmed.since {
                    Since::Now => handover::ResumeSince::Now,
                    Since::Unknown => handover::ResumeSince::Unknown,
                    Since::Position(position) => handover::ResumeSince::Position(position.into()),
                },
            }
        });
        all.collect()
    }

    /// Takes over the positions of all clients. Those whose connection does not continue may come back.
    pub(crate) fn take_over(&self, handed: Vec<handover::Resume>, now_ms: u64) {
        for resume in handed {
            let confirmed = Confirmed {
                topics: resume.topics.into_iter().collect(),
                since: match resume.since {
                    handover::ResumeSince::Now => Since::Now,
                    handover::ResumeSince::Unknown => Since::Unknown,
                    handover::ResumeSince::Position(position) => Since::Position(position.into()),
                },
            };
            self.put_ended(resume.key, resume.number, confirmed, now_ms);
        }
    }

    /// Continues the session of a client.
    pub(crate) fn take_over_session(&self, key: (u64, u64), session: &Session) -> Arc<Resume> {
        self.begin_with(key, Since::Unknown, session)
    }
}

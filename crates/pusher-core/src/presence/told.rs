//! What the pages of a presence channel know: the members that this server has told them.
//!
//! Servers that share a log tell each other changes, and all members if a change may be lost. Browsers of the Channels
//! protocol only understand changes, so the difference to what they know is made here. All pages of a channel at one server
//! know the same, except that a page always knows its own user.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::{Change, MEMBERS_MAX, Member, Members};

/// Most members that pages are told. Above [`MEMBERS_MAX`], changes are not told, but those that are on their way may come
/// before the members that left.
const TOLD_MAX: usize = 2 * MEMBERS_MAX;

/// The members that pages know, and the `info` of each.
#[derive(Debug)]
pub(super) struct Told(IndexMap<Arc<str>, Option<Arc<str>>, RandomState>);

/// An event of presence.
#[derive(Deserialize)]
struct PresenceEvent<'a> {
    #[serde(borrow)]
    here: Option<Vec<MemberJson<'a>>>,
    #[serde(borrow)]
    joined: Option<MemberJson<'a>>,
    #[serde(borrow)]
    left: Option<MemberJson<'a>>,
}

#[derive(Deserialize)]
struct MemberJson<'a> {
    sub: String,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
}

impl From<MemberJson<'_>> for Member {
    fn from(MemberJson { sub, info }: MemberJson<'_>) -> Self {
        Self {
            sub: sub.into(),
            info: info.map(|info| info.get().into()),
            issued_s: 0,
        }
    }
}

impl Told {
    pub(super) fn new(members: Members) -> Self {
        let members = members.list.into_iter();
        Self(members.map(|member| (member.sub, member.info)).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn contains(&self, sub: &str) -> bool {
        self.0.contains_key(sub)
    }

    pub(super) fn members(&self) -> Members {
        let members = self.0.iter().map(|(sub, info)| Member {
            sub: sub.clone(),
            info: info.clone(),
            issued_s: 0,
        });
        Members {
            count: self.len(),
            list: members.collect(),
        }
    }

    /// Takes an event of the shared log. Returns the changes to tell.
    pub(super) fn take(&mut self, event: &str) -> Vec<Change> {
        let Ok(event) = serde_json::from_str::<PresenceEvent<'_>>(event) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        if let Some(here) = event.here {
            let here: IndexMap<_, _, RandomState> = here
                .into_iter()
                .map(|member| (member.sub.clone(), member))
                .collect();
            let left: Vec<_> = self.0.keys().cloned().collect();
            for sub in left.iter().filter(|sub| !here.contains_key(&***sub)) {
                self.leave(sub, &mut changes);
            }
            for (_, member) in here {
                self.join(member.into(), &mut changes);
            }
        }
        if let Some(left) = event.left {
            self.leave(&left.sub, &mut changes);
        }
        if let Some(joined) = event.joined {
            self.join(joined.into(), &mut changes);
        }
        changes
    }

    fn join(&mut self, member: Member, changes: &mut Vec<Change>) {
        match self.0.get(&member.sub) {
            Some(info) if *info == member.info => return,
            Some(_) => self.leave(&member.sub, changes),
            None => {}
        }
        if self.len() < TOLD_MAX {
            self.0.insert(member.sub.clone(), member.info.clone());
            changes.push(Change::Joined(member));
        }
    }

    fn leave(&mut self, sub: &str, changes: &mut Vec<Change>) {
        if let Some((sub, info)) = self.0.shift_remove_entry(sub) {
            changes.push(Change::Left(Member {
                sub,
                info,
                issued_s: 0,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(subs: &[&str]) -> Told {
        let list: Vec<_> = subs.iter().map(|sub| member(sub)).collect();
        Told::new(Members {
            count: list.len(),
            list,
        })
    }

    fn member(sub: &str) -> Member {
        Member {
            sub: sub.into(),
            info: None,
            issued_s: 0,
        }
    }

    /// Takes an event, and returns the changes as `+SUB` and `-SUB`.
    fn changes(told: &mut Told, event: &str) -> Vec<String> {
        let changes = told.take(event).into_iter();
        let text = changes.map(|change| match change {
            Change::Joined(member) => format!("+{}", member.sub),
            Change::Left(member) => format!("-{}", member.sub),
        });
        text.collect()
    }

    #[test]
    fn only_news_is_told() {
        let mut told = told(&["a", "b"]);
        for (event, news) in [
            (r#"{"joined":{"sub":"a"},"count":2}"#, &[][..]),
            (r#"{"joined":{"sub":"c"},"count":3}"#, &["+c"]),
            (r#"{"left":{"sub":"d"},"count":3}"#, &[]),
            (r#"{"left":{"sub":"c"},"count":2}"#, &["-c"]),
            // The event may be one of another server, and has another `info`.
            (
                r#"{"joined":{"sub":"b","info":1},"count":2}"#,
                &["-b", "+b"],
            ),
            (r#"{"count":101}"#, &[]),
            ("1", &[]),
        ] {
            assert_eq!(changes(&mut told, event), news, "{event}");
        }
    }

    #[test]
    fn a_list_of_members_becomes_the_difference() {
        let mut told = told(&["a", "b", "c"]);
        let list = r#"{"here":[{"sub":"b"},{"sub":"d"},{"sub":"c","info":[1]}],"count":3}"#;
        assert_eq!(changes(&mut told, list), ["-a", "+d", "-c", "+c"]);
        assert_eq!(changes(&mut told, list), [""; 0]);
        let empty = r#"{"here":[],"count":0}"#;
        assert_eq!(changes(&mut told, empty), ["-b", "-d", "-c"]);
    }

    #[test]
    fn what_is_told_has_a_limit() {
        let mut told = told(&[]);
        for number in 0..TOLD_MAX + 5 {
            changes(&mut told, &format!(r#"{{"joined":{{"sub":"{number}"}}}}"#));
        }
        assert_eq!(told.len(), TOLD_MAX);
    }
}

//! The members of one topic at this server.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::event::{MEMBERS_MAX, Member, Members};
use super::told::Told;
use crate::connection::SessionId;

/// The members of one topic, in the order in which they joined.
#[derive(Debug, Default)]
pub(super) struct LocalMembers {
    /// The user of each session.
    sessions: HashMap<SessionId, Arc<str>, RandomState>,
    users: IndexMap<Arc<str>, User, RandomState>,
    /// There were too many members to tell each change: the next event has all members, or their number.
    is_behind: bool,
    /// What the pages of the Channels protocol know. `None` if the server has a log of its own, or has no such page.
    pub(super) told: Option<Told>,
}

#[derive(Debug)]
struct User {
    info: Option<Arc<str>>,
    /// Unix time in seconds at which the ticket with `info` was signed.
    issued_s: u64,
    sessions: usize,
    /// Time at which the last session left, in ms of the server's clock.
    left_ms: u64,
}

impl LocalMembers {
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Whether a session is of this user.
    pub(super) fn is_member(&self, session: SessionId, member: &Member) -> bool {
        self.sessions.get(&session) == Some(&member.sub)
    }

    /// Adds a session, which must not be there. Returns whether its user is new.
    pub(super) fn join(&mut self, session: SessionId, member: Member) -> bool {
        let Member {
            sub,
            info,
            issued_s,
        } = member;
        self.sessions.insert(session, sub.clone());
        let before = self.users.len();
        let user = self.users.entry(sub).or_insert_with(|| User {
            info,
            issued_s,
            sessions: 0,
            left_ms: 0,
        });
        user.sessions += 1;
        self.users.len() > before
    }

    /// Adds a user without a session, as if its last one had just left.
    pub(super) fn expect(&mut self, member: Member, now_ms: u64) {
        let user = User {
            info: member.info,
            issued_s: member.issued_s,
            sessions: 0,
            left_ms: now_ms,
        };
        self.users.entry(member.sub).or_insert(user);
    }

    /// Takes the `info` of a ticket if it was signed later than the one before. So two pages with different tickets do not
    /// change it back and forth. Returns whether it is another one.
    pub(super) fn renew(&mut self, member: &Member) -> bool {
        let Some(user) = self.users.get_mut(&member.sub) else {
            return false;
        };
        if member.issued_s <= user.issued_s {
            return false;
        }
        user.issued_s = member.issued_s;
        let is_news = user.info != member.info;
        user.info.clone_from(&member.info);
        is_news
    }

    /// Removes a session. Returns false if it was not there. Its user stays for a while.
    pub(super) fn leave(&mut self, session: SessionId, now_ms: u64) -> bool {
        let Some(sub) = self.sessions.remove(&session) else {
            return false;
        };
        if let Some(user) = self.users.get_mut(&sub) {
            user.sessions -= 1;
            user.left_ms = now_ms;
        }
        true
    }

    /// Removes and returns the users whose last session left before a time.
    pub(super) fn take_left(&mut self, before_ms: u64) -> Vec<Member> {
        let mut left = Vec::new();
        self.users.retain(|sub, user| {
            let stays = user.sessions > 0 || user.left_ms > before_ms;
            if !stays {
                left.push(Member {
                    sub: sub.clone(),
                    info: user.info.take(),
                    issued_s: user.issued_s,
                });
            }
            stays
        });
        left
    }

    /// Returns the user, if it is a member.
    pub(super) fn user(&self, sub: &str) -> Option<Member> {
        let (sub, user) = self.users.get_key_value(sub)?;
        Some(Member {
            sub: sub.clone(),
            info: user.info.clone(),
            issued_s: user.issued_s,
        })
    }

    pub(super) fn has_user(&self, sub: &str) -> bool {
        self.users.contains_key(sub)
    }

    /// Returns the sessions of a user.
    pub(super) fn sessions_of(&self, sub: &str) -> Vec<SessionId> {
        let count = self.users.get(sub).map_or(0, |user| user.sessions);
        let sessions = self.sessions.iter().filter(|(_, user)| &***user == sub);
        sessions.take(count).map(|(session, _)| *session).collect()
    }

    /// Returns the `sub` of a session.
    pub(super) fn sub_of(&self, session: SessionId) -> Option<Arc<str>> {
        self.sessions.get(&session).cloned()
    }

    pub(super) fn subs(&self) -> impl Iterator<Item = &Arc<str>> {
        self.users.keys()
    }

    /// Returns all members.
    pub(super) fn all(&self) -> impl Iterator<Item = Member> {
        let users = self.users.iter();
        users.map(|(sub, user)| Member {
            sub: sub.clone(),
            info: user.info.clone(),
            issued_s: user.issued_s,
        })
    }

    pub(super) fn list(&self) -> Members {
        Members {
            count: self.users.len(),
            list: self.all().take(MEMBERS_MAX).collect(),
        }
    }

    /// Whether the next event has all members, or their number.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    pub(super) fn set_behind(&mut self, is_behind: bool) {
        self.is_behind = is_behind;
    }
}

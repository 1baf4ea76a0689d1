//! The events of presence.

use std::sync::Arc;

use pusher_proto::ticket::Ticket;
use serde::Serialize;
use serde_json::value::RawValue;

/// Most members that are listed. Topics with more have only their number.
pub(crate) const MEMBERS_MAX: usize = 100;

/// A user that is subscribed to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) sub: Arc<str>,
    /// One JSON value.
    pub(crate) info: Option<Arc<str>>,
    /// Unix time in seconds at which the ticket with `info` was signed. 0 for a member of another node.
    pub(crate) issued_s: u64,
}

impl Member {
    /// Returns the user of a ticket.
    pub(crate) fn of(ticket: &Ticket) -> Option<Self> {
        Some(Self {
            sub: ticket.sub()?.into(),
            info: ticket.info().map(Into::into),
            issued_s: ticket.issued_s(),
        })
    }
}

/// The members of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Members {
    pub(crate) count: usize,
    /// The first of them.
    pub(crate) list: Vec<Member>,
}

/// A change of the members.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Joined(Member),
    Left(Member),
}

impl Change {
    pub(super) fn member(&self) -> &Member {
        let (Self::Joined(member) | Self::Left(member)) = self;
        member
    }
}

#[derive(Serialize)]
struct MemberJson<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<&'a RawValue>,
}

#[derive(Serialize, Default)]
struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    here: Option<Vec<MemberJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<MemberJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<MemberJson<'a>>,
    count: usize,
}

impl<'a> From<&'a Member> for MemberJson<'a> {
    fn from(member: &'a Member) -> Self {
        let info = member.info.as_deref();
        Self {
            sub: &member.sub,
            // It was checked to be JSON, here or by another server.
            info: info.and_then(|info| serde_json::from_str(info).ok()),
        }
    }
}

impl Members {
    /// Returns the members with this one, which is a member and may not be counted yet.
    pub(crate) fn including(mut self, member: Member) -> Self {
        let is_listed = self.list.iter().any(|one| one.sub == member.sub);
        if !is_listed {
            if self.count == self.list.len() {
                self.count += 1;
            }
            self.list.truncate(MEMBERS_MAX - 1);
            self.list.push(member);
        }
        self
    }

    /// Returns the event with all members, or with their number alone if there are too many.
    pub(crate) fn event(&self) -> String {
        json(&Event {
            here: (self.count <= MEMBERS_MAX).then(|| self.json_list()),
            count: self.count,
            ..Event::default()
        })
    }

    /// Returns the list as a JSON array.
    pub(crate) fn list_json(&self) -> String {
        serde_json::to_string(&self.json_list()).unwrap_or_default()
    }

    fn json_list(&self) -> Vec<MemberJson<'_>> {
        self.list.iter().map(MemberJson::from).collect()
    }
}

/// Returns the event of a change, after which there are `count` members. `None` if there are, or were, too many to tell each
/// change: then [`Members::event`] follows within a second.
pub(crate) fn of_change(change: &Change, count: usize) -> Option<String> {
    let event = match change {
        Change::Joined(member) if count <= MEMBERS_MAX => Event {
            joined: Some(member.into()),
            count,
            ..Event::default()
        },
        Change::Left(member) if count < MEMBERS_MAX => Event {
            left: Some(MemberJson {
                sub: &member.sub,
                info: None,
            }),
            count,
            ..Event::default()
        },
        _ => return None,
    };
    Some(json(&event))
}

fn json(event: &Event<'_>) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(sub: &str, info: Option<&str>) -> Member {
        Member {
            sub: sub.into(),
            info: info.map(Into::into),
            issued_s: 0,
        }
    }

    #[test]
    fn events_have_the_documented_form() {
        let ann = member("7", Some(r#"{"name":"Ann"}"#));
        let members = Members {
            count: 2,
            list: vec![ann.clone(), member("9", None)],
        };
        let here = r#"{"here":[{"sub":"7","info":{"name":"Ann"}},{"sub":"9"}],"count":2}"#;
        assert_eq!(members.event(), here);
        let joined = Change::Joined(ann.clone());
        let left = Change::Left(ann);
        assert_eq!(
            of_change(&joined, MEMBERS_MAX).unwrap(),
            r#"{"joined":{"sub":"7","info":{"name":"Ann"}},"count":100}"#
        );
        assert_eq!(of_change(&joined, MEMBERS_MAX + 1), None);
        assert_eq!(of_change(&left, MEMBERS_MAX), None);
        assert_eq!(
            of_change(&left, MEMBERS_MAX - 1).unwrap(),
            r#"{"left":{"sub":"7"},"count":99}"#
        );
        let many = Members {
            count: MEMBERS_MAX + 1,
            ..members
        };
        assert_eq!(many.event(), r#"{"count":101}"#);
    }
}

//! Names of channels. The prefix of a name decides who may subscribe.

use crate::limits::CHANNEL_LEN_MAX;

/// The beginning of the channel of one user. The user id follows.
const USER_PREFIX: &str = "#server-to-user-";

/// The prefixes, longer ones before their own beginnings.
const PREFIXES: [(&str, ChannelKind, bool); 9] = [
    ("private-encrypted-cache-", ChannelKind::Encrypted, true),
    ("private-encrypted-", ChannelKind::Encrypted, false),
    ("private-cache-", ChannelKind::Private, true),
    ("private-", ChannelKind::Private, false),
    ("presence-cache-", ChannelKind::Presence, true),
    ("presence-", ChannelKind::Presence, false),
    ("cache-", ChannelKind::Public, true),
    (USER_PREFIX, ChannelKind::User, false),
    ("", ChannelKind::Public, false),
];

/// The name of a channel: 1 to [`CHANNEL_LEN_MAX`] bytes of letters, digits and `_-=@,.;`.
///
/// Only `#server-to-user-ID`, the channel of a user who has signed in, begins with another character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel<'a> {
    name: &'a str,
    kind: ChannelKind,
    is_cache: bool,
}

/// Who may subscribe to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// Every client.
    Public,
    /// `private-`: clients with an `auth` of the site.
    Private,
    /// `private-encrypted-`: the same. The server cannot read the data, and clients send no events there.
    Encrypted,
    /// `presence-`: clients with an `auth` of the site that says who they are. All members know each other.
    Presence,
    /// `#server-to-user-ID`: clients that have signed in as this user. Their `auth` is empty.
    User,
}

/// Why a text cannot be a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// An empty text.
    #[error("the name of the channel is empty")]
    Empty,
    /// Longer than [`CHANNEL_LEN_MAX`].
    #[error("the name of the channel is {0} bytes long, at most {CHANNEL_LEN_MAX} are allowed")]
    TooLong(usize),
    /// A character that is not allowed.
    #[error("the name of a channel has only letters, digits and _-=@,.; but this one has {0:?}")]
    Character(char),
}

impl<'a> Channel<'a> {
    /// Reads the name of a channel.
    pub fn parse(name: &'a str) -> Result<Self, ChannelError> {
        match name.len() {
            0 => return Err(ChannelError::Empty),
            1..=CHANNEL_LEN_MAX => {}
            len => return Err(ChannelError::TooLong(len)),
        }
        let named = PREFIXES
            .iter()
            .find(|(prefix, ..)| name.starts_with(prefix));
        let (_, kind, is_cache) = *named.unwrap_or(&PREFIXES[PREFIXES.len() - 1]);
        let checked = match kind {
            ChannelKind::User => &name[USER_PREFIX.len()..],
            _ => name,
        };
        if checked.is_empty() {
            return Err(ChannelError::Empty);
        }
        match checked.chars().find(|character| !is_allowed(*character)) {
            None => Ok(Self {
                name,
                kind,
                is_cache,
            }),
            Some(character) => Err(ChannelError::Character(character)),
        }
    }

    /// Whether a topic begins as a channel that needs an `auth` does. Also for topics that are no names of channels, so that
    /// no other protocol opens what looks private.
    pub fn has_private_prefix(topic: &str) -> bool {
        let mut prefixes = PREFIXES.iter();
        let found = prefixes.find(|(prefix, ..)| topic.starts_with(prefix));
        found.is_some_and(|(_, kind, _)| *kind != ChannelKind::Public)
    }

    /// Returns the name.
    pub fn name(self) -> &'a str {
        self.name
    }

    /// Returns the kind.
    pub fn kind(self) -> ChannelKind {
        self.kind
    }

    /// Returns the user of `#server-to-user-ID`.
    pub fn user(self) -> Option<&'a str> {
        self.name.strip_prefix(USER_PREFIX)
    }

    /// Whether a client must show that it may subscribe.
    pub fn needs_auth(self) -> bool {
        self.kind != ChannelKind::Public
    }

    /// Whether all members know each other.
    pub fn is_presence(self) -> bool {
        self.kind == ChannelKind::Presence
    }

    /// Whether the server cannot read the data.
    pub fn is_encrypted(self) -> bool {
        self.kind == ChannelKind::Encrypted
    }

    /// Whether a new subscriber receives the last event.
    pub fn is_cache(self) -> bool {
        self.is_cache
    }

    /// Whether clients may send events to the channel. Not to a cache channel: the event of a client would be the one that
    /// new subscribers receive.
    pub fn allows_client_events(self) -> bool {
        matches!(self.kind, ChannelKind::Private | ChannelKind::Presence) && !self.is_cache
    }
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '_' | '-' | '=' | '@' | ',' | '.' | ';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_decides_the_kind() {
        for (name, kind, is_cache) in [
            ("orders.42", ChannelKind::Public, false),
            ("cache-orders", ChannelKind::Public, true),
            ("private-a", ChannelKind::Private, false),
            ("private-cache-a", ChannelKind::Private, true),
            ("private-encrypted-a", ChannelKind::Encrypted, false),
            ("private-encrypted-cache-a", ChannelKind::Encrypted, true),
            ("presence-a", ChannelKind::Presence, false),
            ("presence-cache-a", ChannelKind::Presence, true),
            ("#server-to-user-7", ChannelKind::User, false),
            ("private", ChannelKind::Public, false),
            ("Private-a", ChannelKind::Public, false),
            ("presence-private-a", ChannelKind::Presence, false),
            ("private-encrypted", ChannelKind::Private, false),
        ] {
            let channel = Channel::parse(name).unwrap();
            assert_eq!((channel.name(), channel.kind()), (name, kind));
            assert_eq!(channel.is_cache(), is_cache, "{name}");
            assert_eq!(channel.needs_auth(), kind != ChannelKind::Public, "{name}");
            assert_eq!(channel.is_presence(), kind == ChannelKind::Presence);
            assert_eq!(channel.is_encrypted(), kind == ChannelKind::Encrypted);
            let is_private = matches!(kind, ChannelKind::Private | ChannelKind::Presence);
            assert_eq!(channel.allows_client_events(), is_private && !is_cache);
            let has_prefix = Channel::has_private_prefix(name);
            assert_eq!(has_prefix, channel.needs_auth(), "{name}");
            assert_eq!(channel.user(), name.strip_prefix("#server-to-user-"));
        }
    }

    #[test]
    fn a_prefix_is_private_with_any_name_behind_it() {
        for (topic, is_private) in [
            ("private-a/b", true),
            ("presence-", true),
            ("#server-to-user-", true),
            ("privateer", false),
            ("cache-a b", false),
            ("", false),
        ] {
            assert_eq!(Channel::has_private_prefix(topic), is_private, "{topic}");
        }
    }

    #[test]
    fn other_names_are_errors() {
        let longest = "c".repeat(CHANNEL_LEN_MAX);
        assert!(Channel::parse(&longest).is_ok());
        assert!(Channel::parse("aZ09_-=@,.;").is_ok());
        for (name, error) in [
            ("", ChannelError::Empty),
            ("#server-to-user-", ChannelError::Empty),
            (
                &format!("{longest}c"),
                ChannelError::TooLong(CHANNEL_LEN_MAX + 1),
            ),
            ("a b", ChannelError::Character(' ')),
            ("a\n", ChannelError::Character('\n')),
            ("private-a:b", ChannelError::Character(':')),
            ("pushd:presence:a", ChannelError::Character(':')),
            ("猫", ChannelError::Character('猫')),
            ("#server-to-user", ChannelError::Character('#')),
            ("#server-to-user-#", ChannelError::Character('#')),
            ("private-#server-to-user-7", ChannelError::Character('#')),
        ] {
            assert_eq!(Channel::parse(name), Err(error), "{name:?}");
        }
    }
}

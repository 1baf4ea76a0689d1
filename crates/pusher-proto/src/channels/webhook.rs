//! Webhooks: HTTP requests that tell the site about its channels.
//!
//! The body is `{"time_ms":TIME,"events":[EVENT,...]}`. `X-Pusher-Key` has the key of the application, and
//! `X-Pusher-Signature` the signature of the whole body.

use crate::json::quote;

/// The header with the key of the application.
pub const KEY_HEADER: &str = "X-Pusher-Key";

/// The header with the signature of the body.
pub const SIGNATURE_HEADER: &str = "X-Pusher-Signature";

/// A change of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookEvent<'a> {
    /// The channel has its first subscriber.
    ChannelOccupied {
        /// The name of the channel.
        channel: &'a str,
    },
    /// The last subscriber of the channel has left.
    ChannelVacated {
        /// The name of the channel.
        channel: &'a str,
    },
    /// A user is a new member of a presence channel.
    MemberAdded {
        /// The name of the channel.
        channel: &'a str,
        /// The id of the user.
        user_id: &'a str,
    },
    /// A user is no longer a member of a presence channel.
    MemberRemoved {
        /// The name of the channel.
        channel: &'a str,
        /// The id of the user.
        user_id: &'a str,
    },
}

impl WebhookEvent<'_> {
    /// Returns the event as a JSON object.
    pub fn encode(self) -> String {
        let (name, channel, user_id) = match self {
            Self::ChannelOccupied { channel } => ("channel_occupied", channel, None),
            Self::ChannelVacated { channel } => ("channel_vacated", channel, None),
            Self::MemberAdded { channel, user_id } => ("member_added", channel, Some(user_id)),
            Self::MemberRemoved { channel, user_id } => ("member_removed", channel, Some(user_id)),
        };
        let channel = quote(channel);
        match user_id.map(quote) {
            None => format!(r#"{{"name":"{name}","channel":{channel}}}"#),
            Some(user_id) => {
                format!(r#"{{"name":"{name}","channel":{channel},"user_id":{user_id}}}"#)
            }
        }
    }
}

/// Returns the body of a request with encoded events. `time_ms` is the Unix time in ms.
pub fn webhook_body<'a>(time_ms: u64, events: impl IntoIterator<Item = &'a str>) -> String {
    let mut body = format!(r#"{{"time_ms":{time_ms},"events":["#);
    for (index, event) in events.into_iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(event);
    }
    body.push_str("]}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::ChannelsApp;

    #[test]
    fn a_body_has_all_events_in_order() {
        let events = [
            WebhookEvent::ChannelOccupied { channel: "orders" },
            WebhookEvent::MemberAdded {
                channel: "presence-a",
                user_id: "a\"b",
            },
            WebhookEvent::MemberRemoved {
                channel: "presence-a",
                user_id: "猫",
            },
            WebhookEvent::ChannelVacated {
                channel: "presence-a",
            },
        ]
        .map(WebhookEvent::encode);
        assert_eq!(
            webhook_body(1_327_078_148_132, events.iter().map(String::as_str)),
            r#"{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"orders"},{"name":"member_added","channel":"presence-a","user_id":"a\"b"},{"name":"member_removed","channel":"presence-a","user_id":"猫"},{"name":"channel_vacated","channel":"presence-a"}]}"#
        );
        assert_eq!(webhook_body(0, []), r#"{"time_ms":0,"events":[]}"#);
    }

    /// The signature is that of `openssl dgst -sha256 -hmac SECRET`.
    #[test]
    fn the_whole_body_is_signed() {
        let app = ChannelsApp::parse("3:278d425bdf160c739803", "7ad3773142a6692b25b8").unwrap();
        let event = WebhookEvent::ChannelOccupied { channel: "orders" }.encode();
        let body = webhook_body(1_327_078_148_132, [event.as_str()]);
        assert_eq!(
            app.sign(body.as_bytes()),
            "538b4838df274eb35efbcdd814f2aa8883f157e4f9871e099f2d44e14ff85e0e"
        );
    }
}

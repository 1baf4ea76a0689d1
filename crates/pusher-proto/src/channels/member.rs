//! Members of presence channels, and users who have signed in.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{check_value, parse_object};
use crate::limits::{SUB_LEN_MAX, TICKET_INFO_LEN_MAX};

/// A member of a presence channel: a user, not a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The user, in the site's own words. A number stands for its decimal text.
    pub user_id: Cow<'a, str>,
    /// What the other members may know about the user: one JSON value.
    pub user_info: Option<&'a str>,
}

/// Why `channel_data` or `user_data` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// `channel_data` is missing, or has another form.
    #[error(
        "channel_data must be a JSON object with a user_id: the auth endpoint of a presence channel returns it"
    )]
    ChannelData,
    /// `user_data` has another form.
    #[error(
        "user_data must be a JSON object with an id: the endpoint of the user authentication returns it"
    )]
    UserData,
    /// The id is empty or too long.
    #[error("the id of the user is {0} bytes long: 1 to {SUB_LEN_MAX} are allowed")]
    UserId(usize),
    /// `user_info` is too long or nested too deeply.
    #[error(
        "user_info may be at most {TICKET_INFO_LEN_MAX} bytes of JSON: send less about the user"
    )]
    UserInfo,
}

#[derive(Deserialize)]
struct ChannelData<'a> {
    #[serde(borrow)]
    user_id: &'a RawValue,
    #[serde(borrow, default)]
    user_info: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct UserData<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
}

impl<'a> Member<'a> {
    /// Reads `channel_data`, `{"user_id":ID,"user_info":INFO}`. Its signature must have been verified.
    pub fn parse(channel_data: &'a str) -> Result<Self, MemberError> {
        let data: ChannelData<'a> =
            parse_object(channel_data).map_err(|_| MemberError::ChannelData)?;
        let user_id = id_text(data.user_id).ok_or(MemberError::ChannelData)?;
        check_user_id(&user_id)?;
        let user_info = data.user_info.map(RawValue::get);
        if !user_info.is_none_or(is_info) {
            return Err(MemberError::UserInfo);
        }
        Ok(Self { user_id, user_info })
    }
}

/// Reads the id of a user from `user_data`, `{"id":ID,...}`. Its signature must have been verified.
pub fn user_id(user_data: &str) -> Result<Cow<'_, str>, MemberError> {
    let data: UserData<'_> = parse_object(user_data).map_err(|_| MemberError::UserData)?;
    let id = id_text(data.id).ok_or(MemberError::UserData)?;
    check_user_id(&id)?;
    Ok(id)
}

/// Reads a string, or a number, which stands for its decimal text: sites number their users.
fn id_text(id: &RawValue) -> Option<Cow<'_, str>> {
    match id.get().as_bytes()[0] {
        b'"' => serde_json::from_str(id.get()).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(id.get())),
        _ => None,
    }
}

fn check_user_id(id: &str) -> Result<(), MemberError> {
    match id.len() {
        1..=SUB_LEN_MAX => Ok(()),
        len => Err(MemberError::UserId(len)),
    }
}

/// Whether a text can be told to the other members. The list of members nests it three levels deeper.
fn is_info(text: &str) -> bool {
    text.len() <= TICKET_INFO_LEN_MAX && check_value(&format!("[[[{text}]]]")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_an_id_and_perhaps_info() {
        for (text, user_id, user_info) in [
            (r#"{"user_id":"7"}"#, "7", None),
            (
                r#"{"user_id":10,"user_info":{"name":"Ann"}}"#,
                "10",
                Some(r#"{"name":"Ann"}"#),
            ),
            (
                r#" {"user_info": [ ] ,"user_id":"\u732b","x":{}} "#,
                "猫",
                Some("[ ]"),
            ),
            (r#"{"user_id":"a","user_info":null}"#, "a", None),
        ] {
            let member = Member::parse(text).unwrap();
            assert_eq!(
                (&*member.user_id, member.user_info),
                (user_id, user_info),
                "{text}"
            );
        }
        for text in [
            "",
            "[]",
            "null",
            "{}",
            r#"["7"]"#,
            r#"{"user_id":null}"#,
            r#"{"user_id":[7]}"#,
            r#"{"user_id":true}"#,
            r#"{"user_id":1,"user_id":2}"#,
            r#"{"user_id":1"#,
            r#"{"user_id":"\ud800"}"#,
        ] {
            assert_eq!(Member::parse(text), Err(MemberError::ChannelData), "{text}");
        }
    }

    #[test]
    fn a_user_has_an_id() {
        assert_eq!(user_id(r#"{"id":"7","name":"Ann"}"#).as_deref(), Ok("7"));
        assert_eq!(user_id(r#"{"id":7}"#).as_deref(), Ok("7"));
        for text in [
            "",
            "[7]",
            "{}",
            r#"{"id":null}"#,
            r#"{"id":{}}"#,
            r#"{"id":1,"id":1}"#,
        ] {
            assert_eq!(user_id(text), Err(MemberError::UserData), "{text}");
        }
        assert_eq!(user_id(r#"{"id":""}"#), Err(MemberError::UserId(0)));
    }

    #[test]
    fn id_and_info_have_limits() {
        let with_id = |len: usize| format!(r#"{{"user_id":"{}"}}"#, "i".repeat(len));
        assert!(Member::parse(&with_id(SUB_LEN_MAX)).is_ok());
        let error = Err(MemberError::UserId(SUB_LEN_MAX + 1));
        assert_eq!(Member::parse(&with_id(SUB_LEN_MAX + 1)), error);
        assert_eq!(Member::parse(&with_id(0)), Err(MemberError::UserId(0)));

        let with_info = |info: &str| format!(r#"{{"user_id":"7","user_info":{info}}}"#);
        let string = |len: usize| format!("\"{}\"", "x".repeat(len - 2));
        assert!(Member::parse(&with_info(&string(TICKET_INFO_LEN_MAX))).is_ok());
        let error = Err(MemberError::UserInfo);
        assert_eq!(
            Member::parse(&with_info(&string(TICKET_INFO_LEN_MAX + 1))),
            error
        );
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let depth_max = crate::limits::EVENT_DEPTH_MAX - 3;
        assert!(Member::parse(&with_info(&nested(depth_max))).is_ok());
        assert_eq!(Member::parse(&with_info(&nested(depth_max + 1))), error);
    }
}

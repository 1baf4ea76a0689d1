//! The examples of the Channels protocol in PROTOCOL.md.

use pusher_proto::channels::{
    self, BatchRequest, Channel, ChannelsApp, ClientMessage, ErrorCode, Member, Reconnect,
    SocketId, TriggerRequest, WebhookEvent, append_event, check_request, webhook_body,
};
use pusher_proto::limits;
use serde_json::Value;

use super::{TEXT, lines};

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn client_messages_are_decoded() {
    for line in lines(TEXT, "channels-client") {
        match ClientMessage::decode(line) {
            Ok(ClientMessage::Unknown) | Err(_) => panic!("{line}"),
            Ok(_) => {}
        }
    }
}

#[test]
fn server_messages_are_those_of_the_encoders() {
    for line in lines(TEXT, "channels-server") {
        let message = value(line);
        let channel = message["channel"].as_str().unwrap_or_default();
        let data = message.get("data").map(|data| value(text(data)));
        let data = data.unwrap_or_default();
        let encoded = match text(&message["event"]) {
            "pusher:ping" => channels::PING.to_owned(),
            "pusher:pong" => channels::PONG.to_owned(),
            "pusher:connection_established" => channels::connection_established(
                text(&data["socket_id"]).parse().unwrap(),
                data["activity_timeout"].as_u64().unwrap(),
            ),
            "pusher_internal:subscription_succeeded" => subscription_succeeded(channel, &data),
            "pusher:subscription_error" => channels::subscription_error(
                channel,
                text(&data["type"]),
                text(&data["error"]),
                data["status"].as_u64().unwrap().try_into().unwrap(),
            ),
            "pusher_internal:member_added" => channels::member_added(
                channel,
                text(&data["user_id"]),
                Some(&data["user_info"].to_string()),
            ),
            "pusher_internal:member_removed" => {
                channels::member_removed(channel, text(&data["user_id"]))
            }
            "pusher_internal:subscription_count" => {
                channels::subscription_count(channel, data["subscription_count"].as_u64().unwrap())
            }
            "pusher:cache_miss" => channels::cache_miss(channel),
            "pusher:signin_success" => channels::signin_success(text(&data["user_data"])),
            "pusher:error" => {
                let number = data["code"].as_u64();
                let code = ErrorCode::ALL
                    .iter()
                    .find(|code| Some(u64::from(code.number())) == number);
                channels::error(code.copied(), text(&data["message"]))
            }
            other => panic!("{line}: event {other}"),
        };
        assert_eq!(encoded, line);
    }
}

fn subscription_succeeded(channel: &str, data: &Value) -> String {
    let Some(ids) = data["presence"]["ids"].as_array() else {
        return channels::subscription_succeeded(channel, None);
    };
    let hash = &data["presence"]["hash"];
    let infos: Vec<_> = ids.iter().map(|id| hash[text(id)].to_string()).collect();
    let members = ids.iter().zip(&infos).map(|(id, info)| Member {
        user_id: text(id).into(),
        user_info: Some(info),
    });
    channels::subscription_succeeded(channel, Some(&members.collect::<Vec<_>>()))
}

/// Each event of the log is followed by the message that browsers of the channel `orders` receive.
#[test]
fn events_of_the_log_become_messages() {
    for pair in lines(TEXT, "channels-event").chunks(2) {
        let [event, message] = pair else {
            panic!("{pair:?} is no pair");
        };
        let mut out = Vec::new();
        append_event(&mut out, "orders", event.as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), *message);
    }
}

#[test]
fn requests_are_decoded() {
    for line in lines(TEXT, "channels-request") {
        let is_batch = line.starts_with("{\"batch\"");
        let error = match is_batch {
            true => BatchRequest::parse(line, 100).err(),
            false => TriggerRequest::parse(line, 100).err(),
        };
        assert_eq!(error, None, "{line}");
    }
}

#[test]
fn webhooks_are_those_of_the_encoder() {
    for line in lines(TEXT, "channels-webhook") {
        let body = value(line);
        let events = body["events"].as_array().unwrap().iter().map(|event| {
            let channel = text(&event["channel"]);
            let user_id = event["user_id"].as_str().unwrap_or_default();
            let event = match text(&event["name"]) {
                "channel_occupied" => WebhookEvent::ChannelOccupied { channel },
                "channel_vacated" => WebhookEvent::ChannelVacated { channel },
                "member_added" => WebhookEvent::MemberAdded { channel, user_id },
                "member_removed" => WebhookEvent::MemberRemoved { channel, user_id },
                other => panic!("{line}: event {other}"),
            };
            event.encode()
        });
        let events: Vec<_> = events.collect();
        let time_ms = body["time_ms"].as_u64().unwrap();
        assert_eq!(
            webhook_body(time_ms, events.iter().map(String::as_str)),
            line
        );
    }
}

/// The signatures in the text, with its application and its socket id.
#[test]
fn signatures_are_those_of_the_app() {
    let app = ChannelsApp::parse("3:278d425bdf160c739803", "7ad3773142a6692b25b8").unwrap();
    let socket_id: SocketId = "1234.1234".parse().unwrap();
    let auth = |name, data| app.channel_auth(socket_id, Channel::parse(name).unwrap(), data);
    for auth in [
        auth("private-foobar", None),
        auth("presence-foobar", Some(r#"{"user_id":"7"}"#)),
        app.user_auth(socket_id, r#"{"id":"7"}"#),
    ] {
        assert!(TEXT.contains(&auth), "no {auth}");
    }
}

#[test]
fn the_signed_request_is_accepted() {
    let app = ChannelsApp::parse("3:278d425bdf160c739803", "7ad3773142a6692b25b8").unwrap();
    let (before, rest) = TEXT.split_once("```text\nPOST\n/apps/3/events\n").unwrap();
    let (parameters, rest) = rest.split_once("\n```\n\nIts signature is `").unwrap();
    let (signature, _) = rest.split_once('`').unwrap();
    let (_, body) = before.rsplit_once("the body is `").unwrap();
    let (body, _) = body.split_once("`:\n").unwrap();
    let query = format!("{parameters}&auth_signature={signature}");
    let checked = check_request(&app, "POST", "/apps/3/events", &query, 1_353_088_179);
    assert_eq!(checked.unwrap().check_body(body.as_bytes()), Ok(()));
}

#[test]
fn every_code_is_in_the_text() {
    for code in ErrorCode::ALL {
        let reconnect = match code.reconnect() {
            Some(Reconnect::Never) => "never",
            Some(Reconnect::Later) => "after a delay",
            Some(Reconnect::AtOnce) => "at once",
            None => "does not close",
        };
        let row = format!("| {} | {reconnect} | ", code.number());
        assert!(TEXT.contains(&row), "no {row}");
    }
}

#[test]
fn limits_are_those_of_the_code() {
    for (name, limit) in [
        ("name of a channel", limits::CHANNEL_LEN_MAX),
        ("name of an event", limits::CHANNELS_NAME_LEN_MAX),
        ("id and key of an application", limits::CHANNELS_ID_LEN_MAX),
        ("secret of an application", limits::CHANNELS_SECRET_LEN_MAX),
        ("id of a user", limits::SUB_LEN_MAX),
        ("`user_info`", limits::TICKET_INFO_LEN_MAX),
        ("channels of a request", limits::CHANNELS_TRIGGER_MAX),
        ("events of a batch", limits::CHANNELS_BATCH_MAX),
        ("signed query", limits::CHANNELS_QUERY_LEN_MAX),
        (
            "parameters of a signed query",
            limits::CHANNELS_PARAMETERS_MAX,
        ),
        (
            "difference of the clocks",
            limits::CHANNELS_CLOCK_S as usize,
        ),
        ("events of a webhook", limits::WEBHOOK_EVENTS_MAX),
        ("body of a webhook", limits::WEBHOOK_LEN_MAX),
    ] {
        let start = format!("| {name} | ");
        let row = TEXT.lines().find_map(|line| line.strip_prefix(&start));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        let digits: String = row.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits, limit.to_string(), "{name}");
    }
}

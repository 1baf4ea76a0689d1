//! Messages of a publisher in the native protocol: no text panics, and decoded messages encode to the same message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_proto::native::{
    FromPublisher, encode_drain, encode_hello, encode_position_request, encode_presence,
    encode_publish, encode_revoke,
};
use pusher_proto::{JsonError, JsonStream, check_value, limits};

fuzz_target!(|text: &str| {
    let Ok(message) = FromPublisher::decode(text) else {
        return;
    };
    let mut encoded = Vec::new();
    match &message {
        FromPublisher::Hello {
            token, has_spool, ..
        } => encode_hello(&mut encoded, token.as_deref(), *has_spool),
        FromPublisher::Publish {
            request,
            publish,
            id,
            exclude,
        } => {
            match check_value(publish.event) {
                Ok(()) => {}
                // The stream in front of this decoder has a limit of depth.
                Err(JsonError::TooDeep) => return,
                Err(JsonError::Syntax(error)) => panic!("an event that is no JSON: {error}"),
            }
            let (id, exclude) = (id.as_deref(), exclude.as_deref());
            let (topic, event) = (&publish.topic, publish.event);
            encode_publish(&mut encoded, *request, topic, event, id, exclude).unwrap();
        }
        FromPublisher::Position { request } => encode_position_request(&mut encoded, *request),
        FromPublisher::Drain { request } => encode_drain(&mut encoded, *request),
        FromPublisher::Revoke {
            request,
            sub,
            before_s,
        } => encode_revoke(&mut encoded, *request, sub, *before_s),
        FromPublisher::Presence { request, topic } => {
            encode_presence(&mut encoded, *request, topic);
        }
        FromPublisher::Unknown { .. } => return,
    }
    let mut stream = JsonStream::new(limits::PUBLISH_LEN_MAX);
    stream.feed(&encoded);
    let line = stream.next_value().unwrap().expect("one whole message");
    let again = FromPublisher::decode(line).unwrap();
    match message {
        FromPublisher::Hello { .. } => assert!(matches!(again, FromPublisher::Hello { .. })),
        message => assert_eq!(again, message),
    }
    assert_eq!(stream.next_value(), Ok(None), "and nothing but it");
});

//! Messages of a server in the native protocol, as libpusher decodes them: no text panics, and decoded messages encode to
//! the same message, in one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_proto::native::{
    FromServer, encode_drained, encode_error, encode_members, encode_position, encode_receipt,
    encode_revoked, encode_welcome,
};

fuzz_target!(|text: &str| {
    let Ok(message) = FromServer::decode(text) else {
        return;
    };
    let mut encoded = Vec::new();
    match &message {
        FromServer::Welcome { version, server } => {
            encode_welcome(&mut encoded, *version, server, 1);
        }
        FromServer::Receipt { request, receipt } => {
            encode_receipt(&mut encoded, *request, *receipt);
        }
        // The encoder takes a `Position`, and the decoder accepts any text.
        FromServer::Position { request, position } => match position.parse() {
            Ok(position) => encode_position(&mut encoded, *request, position),
            Err(_) => return,
        },
        FromServer::Drained { request } => encode_drained(&mut encoded, *request),
        FromServer::Revoked { request, sessions } => {
            encode_revoked(&mut encoded, *request, *sessions);
        }
        // A server writes them without line ends.
        FromServer::Members { members, .. } if members.contains('\n') => return,
        FromServer::Members {
            request,
            count,
            members,
        } => encode_members(&mut encoded, *request, *count, members),
        FromServer::Error {
            request,
            code,
            text,
        } => encode_error(&mut encoded, *request, *code, text),
        FromServer::Unknown { .. } => return,
    }
    let encoded = std::str::from_utf8(&encoded).unwrap();
    let line = encoded.strip_suffix('\n').expect("a line end");
    assert!(!line.contains('\n'), "a publisher reads line by line");
    assert_eq!(FromServer::decode(line).unwrap(), message);
});

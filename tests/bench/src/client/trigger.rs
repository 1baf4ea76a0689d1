//! Publishes of the Pusher Channels protocol: signed HTTP requests.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use pusher_proto::channels::ChannelsApp;
use serde_json::json;

use crate::servers::{CHANNELS_APP, CHANNELS_KEY, CHANNELS_SECRET};

/// Returns the body that publishes an event to a channel. The event is a JSON text.
pub(super) fn body(channel: &str, event: &[u8]) -> Result<Vec<u8>> {
    let data = std::str::from_utf8(event)?;
    let body = json!({"name": "message", "channel": channel, "data": data});
    Ok(serde_json::to_vec(&body)?)
}

/// Returns the head for a body, with its signature.
pub(super) fn head(body: &[u8], len: usize) -> Result<String> {
    let app =
        ChannelsApp::parse(CHANNELS_APP, CHANNELS_SECRET).map_err(|error| anyhow!("{error}"))?;
    let time_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let path = format!("/apps/{}/events", app.id());
    let md5 = HEXLOWER.encode(&Md5::digest(body));
    let query =
        format!("auth_key={CHANNELS_KEY}&auth_timestamp={time_s}&auth_version=1.0&body_md5={md5}");
    let signature = app.sign(format!("POST\n{path}\n{query}").as_bytes());
    Ok(format!(
        "POST {path}?{query}&auth_signature={signature} HTTP/1.1\r\nHost: publish\r\n\
         Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n"
    ))
}

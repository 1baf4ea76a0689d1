//! A site that signs tickets, without the project's own code.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Writes the key file of the site into a folder. Returns its path.
#[track_caller]
pub fn write_keys(folder: &Path) -> PathBuf {
    let file = folder.join("ticket.key");
    std::fs::write(&file, format!("test {KEY}\n")).unwrap();
    file
}

/// Signs a ticket for 300 seconds.
#[track_caller]
pub fn ticket(topics: &[&str], sub: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_s = since.as_secs();
    sign(&json!({"topics": topics, "sub": sub, "iat": now_s, "exp": now_s + 300}))
}

/// Signs any claims.
#[track_caller]
pub fn sign(claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": "test"});
    let message = format!("{}.{}", part(&header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    let signature = BASE64URL_NOPAD.encode(&mac.finalize().into_bytes());
    format!("{message}.{signature}")
}

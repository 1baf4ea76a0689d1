//! An application, and what its secret signs.

use std::fmt;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Channel, SocketId};
use crate::limits::{CHANNELS_ID_LEN_MAX, CHANNELS_SECRET_LEN_MAX, CHANNELS_SECRET_LEN_MIN};

/// An application: a site whose browsers connect with its key, and whose server signs with its secret.
///
/// The characters of the secret themselves are the key of HMAC-SHA256. `Debug` does not show them.
#[derive(Clone)]
pub struct ChannelsApp {
    id: Box<str>,
    key: Box<str>,
    /// HMAC with the secret, before the first byte of the message.
    mac: Hmac<Sha256>,
}

/// Why texts are not a [`ChannelsApp`]. The message does not quote the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    /// Not `ID:KEY`.
    #[error(
        "{0:?} is not ID:KEY: an id and a key, each of 1 to {CHANNELS_ID_LEN_MAX} letters, digits, _ and -, with a colon \
         between them"
    )]
    Name(String),
    /// The secret has another form.
    #[error(
        "a secret is {CHANNELS_SECRET_LEN_MIN} to {CHANNELS_SECRET_LEN_MAX} visible ASCII characters in one line: create one \
         with `openssl rand -hex 32`"
    )]
    Secret,
}

/// Why the `auth` of a client is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthFault {
    /// An empty text.
    #[error(
        "auth is missing: the site must sign this request, see the auth endpoint of the client"
    )]
    Missing,
    /// Not `KEY:SIGNATURE`.
    #[error("auth is not KEY:SIGNATURE with a signature of 64 hexadecimal digits")]
    Malformed,
    /// Signed for another application.
    #[error(
        "auth has another key than this connection: the site and the page use different applications"
    )]
    OtherKey,
    /// The signature is wrong.
    #[error(
        "the signature is wrong: the site and the server use different secrets, or it was made for another socket id, channel \
         or data"
    )]
    Signature,
}

impl ChannelsApp {
    /// Reads `ID:KEY`, and the text of a file with the secret. One line end behind the secret is ignored.
    pub fn parse(id_and_key: &str, secret: &str) -> Result<Self, AppError> {
        let (id, key) = id_and_key
            .split_once(':')
            .filter(|(id, key)| is_id(id) && is_id(key))
            .ok_or_else(|| AppError::Name(id_and_key.to_owned()))?;
        let secret = secret.strip_suffix('\n').unwrap_or(secret);
        let secret = secret.strip_suffix('\r').unwrap_or(secret);
        let is_secret = (CHANNELS_SECRET_LEN_MIN..=CHANNELS_SECRET_LEN_MAX).contains(&secret.len())
            && secret.bytes().all(|byte| byte.is_ascii_graphic());
        let mac = Hmac::new_from_slice(secret.as_bytes()).map_err(|_| AppError::Secret)?;
        match is_secret {
            true => Ok(Self {
                id: id.into(),
                key: key.into(),
                mac,
            }),
            false => Err(AppError::Secret),
        }
    }

    /// Returns the id, which is in the path of HTTP requests.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the key, which is in the path of WebSocket connections. It is not a secret.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the signature of a text, as lower-case hexadecimal digits: of the body of a webhook, for example.
    pub fn sign(&self, text: &[u8]) -> String {
        self.sign_parts(&[text])
    }

    /// Returns the `auth` with which a client subscribes to a channel.
    pub fn channel_auth(
        &self,
        socket_id: SocketId,
        channel: Channel<'_>,
        channel_data: Option<&str>,
    ) -> String {
        let parts = channel_parts(channel, channel_data);
        self.auth(socket_id, &parts)
    }

    /// Verifies the `auth` with which a client subscribes to a channel. `channel_data` is the text that the client sent.
    pub fn verify_channel_auth(
        &self,
        auth: &str,
        socket_id: SocketId,
        channel: Channel<'_>,
        channel_data: Option<&str>,
    ) -> Result<(), AuthFault> {
        let parts = channel_parts(channel, channel_data);
        self.verify_auth(auth, socket_id, &parts)
    }

    /// Returns the `auth` with which a client signs in as a user.
    pub fn user_auth(&self, socket_id: SocketId, user_data: &str) -> String {
        self.auth(socket_id, &user_parts(user_data))
    }

    /// Verifies the `auth` with which a client signs in. `user_data` is the text that the client sent.
    pub fn verify_user_auth(
        &self,
        auth: &str,
        socket_id: SocketId,
        user_data: &str,
    ) -> Result<(), AuthFault> {
        self.verify_auth(auth, socket_id, &user_parts(user_data))
    }

    fn auth(&self, socket_id: SocketId, parts: &[&[u8]]) -> String {
        let socket_id = socket_id.to_string();
        let parts = [&[socket_id.as_bytes()], parts].concat();
        format!("{}:{}", self.key, self.sign_parts(&parts))
    }

    fn verify_auth(
        &self,
        auth: &str,
        socket_id: SocketId,
        parts: &[&[u8]],
    ) -> Result<(), AuthFault> {
        if auth.is_empty() {
            return Err(AuthFault::Missing);
        }
        let (key, signature) = auth.split_once(':').ok_or(AuthFault::Malformed)?;
        let signature = decode_signature(signature).ok_or(AuthFault::Malformed)?;
        if key != &*self.key {
            return Err(AuthFault::OtherKey);
        }
        let socket_id = socket_id.to_string();
        let parts = [&[socket_id.as_bytes()], parts].concat();
        match self.has_signed(&parts, &signature) {
            true => Ok(()),
            false => Err(AuthFault::Signature),
        }
    }

    fn sign_parts(&self, parts: &[&[u8]]) -> String {
        HEXLOWER.encode(&self.mac_of(parts).finalize().into_bytes())
    }

    /// Compares in constant time.
    pub(super) fn has_signed(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        self.mac_of(parts).verify_slice(signature).is_ok()
    }

    fn mac_of(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

/// Decodes a signature, hexadecimal digits of either case.
pub(super) fn decode_signature(text: &str) -> Option<Vec<u8>> {
    let signature = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    (signature.len() == 32).then_some(signature)
}

/// Returns what is signed behind the socket id. A [`Channel`] has no colon, so the parts cannot be divided in another way.
fn channel_parts<'a>(channel: Channel<'a>, channel_data: Option<&'a str>) -> Vec<&'a [u8]> {
    let mut parts: Vec<&[u8]> = vec![b":", channel.name().as_bytes()];
    if let Some(data) = channel_data {
        parts.extend([&b":"[..], data.as_bytes()]);
    }
    parts
}

fn user_parts(user_data: &str) -> [&[u8]; 2] {
    [b"::user::", user_data.as_bytes()]
}

fn is_id(text: &str) -> bool {
    let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=CHANNELS_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(is_id_byte)
}

impl fmt::Debug for ChannelsApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelsApp")
            .field("id", &self.id)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

//! Requests to the publish listener (port 5555), by HTTP.

use bytes::Bytes;
use clap::ArgMatches;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{Request, StatusCode};
use http_body_util::Full;
use pusher_core::PublishAddress;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::error::{ANSWER_TIMEOUT, ShellError};
use crate::client::{HttpConnection, connect_to_publish_listener, with_causes};
use crate::settings::Settings;

/// Longest response that is accepted, in bytes: the history of a topic is at most as long as the server's whole log.
const BODY_LEN_MAX: usize = 64 * 1024 * 1024;

/// Address and token of a publish listener.
pub(super) struct PublishListener {
    address: PublishAddress,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    /// Missing in servers that are older than this command.
    code: Option<String>,
}

impl PublishListener {
    /// The listener that was given on the command line, or the first one in the settings.
    pub(super) fn new(matches: &ArgMatches, settings: &Settings) -> Result<Self, ShellError> {
        let given = matches.get_one::<PublishAddress>("publish-address");
        let configured = settings.config.options.publish_listen.first();
        let address = given.or(configured).cloned();
        Ok(Self {
            address: address.ok_or(ShellError::NoPublishListener)?,
            token: settings.publish_token().map(str::to_owned),
        })
    }

    /// Opens a connection that carries one request after the other.
    pub(super) async fn open(&self) -> Result<PublishConnection<'_>, ShellError> {
        let opened = timeout(ANSWER_TIMEOUT, async {
            let wire = connect_to_publish_listener(&self.address).await;
            let wire = wire.map_err(|error| ShellError::Connect {
                address: self.address.clone(),
                error,
            })?;
            let begun = HttpConnection::begin(wire).await;
            begun.map_err(|error| self.not_pushd(with_causes(&error)))
        });
        let http = opened.await.unwrap_or_else(|_| Err(self.silent()))?;
        Ok(PublishConnection {
            listener: self,
            http,
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ShellError> {
        self.open().await?.get(path).await
    }

    fn silent(&self) -> ShellError {
        ShellError::Silent(self.address.to_string())
    }

    fn not_pushd(&self, reason: String) -> ShellError {
        let address = self.address.clone();
        ShellError::NotPushd { address, reason }
    }
}

/// A connection to a publish listener.
pub(super) struct PublishConnection<'a> {
    listener: &'a PublishListener,
    http: HttpConnection,
}

impl PublishConnection<'_> {
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ShellError> {
        self.ask(Request::get(path), Bytes::new()).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        json: Bytes,
    ) -> Result<T, ShellError> {
        let mut request = Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            // hyper omits it for an empty body, and the server requires it.
            .header(CONTENT_LENGTH, json.len());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request, json).await
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        request: Builder,
        body: Bytes,
    ) -> Result<T, ShellError> {
        let listener = self.listener;
        let answered = timeout(ANSWER_TIMEOUT, self.answer(request, body)).await;
        answered.unwrap_or_else(|_| Err(listener.silent()))
    }

    async fn answer<T: DeserializeOwned>(
        &mut self,
        request: Builder,
        body: Bytes,
    ) -> Result<T, ShellError> {
        let PublishListener { address, token } = self.listener;
        let mut request = request.header(HOST, "localhost");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body))?;
        let response = self.http.ask(request, BODY_LEN_MAX).await;
        let (head, body) =
            response.map_err(|error| self.listener.not_pushd(with_causes(&error)))?;
        if head.status.is_success() {
            let parsed = serde_json::from_slice(&body);
            return parsed.map_err(|error| self.listener.not_pushd(error.to_string()));
        }
        let address = address.clone();
        Err(match serde_json::from_slice::<Refused>(&body) {
            Ok(_) if head.status == StatusCode::UNAUTHORIZED => match token {
                Some(_) => ShellError::WrongToken(address),
                None => ShellError::TokenNeeded(address),
            },
            Ok(Refused { error, code })
                if head.status == StatusCode::NOT_FOUND
                    && code.as_deref().is_none_or(|code| code == "not_found") =>
            {
                let reason = error;
                ShellError::NotFound { address, reason }
            }
            Ok(Refused { error: reason, .. }) => ShellError::Refused { address, reason },
            Err(_) => self.listener.not_pushd(head.status.to_string()),
        })
    }
}

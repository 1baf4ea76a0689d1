//! Asks the private door, by HTTP.

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

use super::{Failed, TIMEOUT};
use crate::doctor::{Conversation, connect_private, with_causes};
use crate::plain::plain;
use crate::settings::Settings;

/// The private door of the server that the settings mean.
pub(super) struct Private {
    address: PublishAddress,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Private {
    pub(super) fn of(matches: &ArgMatches, settings: &Settings) -> Result<Self, Failed> {
        let given = matches.get_one::<PublishAddress>("publish-address");
        let configured = settings.config.options.publish_listen.first();
        let address = given.or(configured).cloned();
        Ok(Self {
            address: address.ok_or("there is no private door: give --publish-address")?,
            token: settings.publish_token().map(str::to_owned),
        })
    }

    /// A connection for one question after the other.
    pub(super) async fn open(&self) -> Result<Line<'_>, Failed> {
        let address = &self.address;
        let opened = timeout(TIMEOUT, async {
            let wire = connect_private(address).await;
            let wire = wire.map_err(|error| {
                format!(
                    "cannot connect to {address}: {error}. Is pushd running, and is this its private door? \
                     --publish-address names another"
                )
            })?;
            let begun = Conversation::begin(wire).await;
            begun.map_err(|error| self.not_pushd(&with_causes(&error)))
        });
        let conversation = opened.await.unwrap_or_else(|_| Err(self.silent()))?;
        Ok(Line {
            private: self,
            conversation,
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        let mut line = self.open().await?;
        line.ask(Request::get(path), Bytes::new()).await
    }

    fn silent(&self) -> Failed {
        format!("{} does not answer for {TIMEOUT:?}", self.address)
    }

    fn not_pushd(&self, error: &dyn std::fmt::Display) -> Failed {
        let address = &self.address;
        format!("{address} does not answer as pushd's private door does: {error}")
    }
}

/// A connection to it.
pub(super) struct Line<'a> {
    private: &'a Private,
    conversation: Conversation,
}

impl Line<'_> {
    pub(super) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        json: Bytes,
    ) -> Result<T, Failed> {
        let mut request = Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            // hyper leaves it out where there is nothing.
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
    ) -> Result<T, Failed> {
        let private = self.private;
        let answered = timeout(TIMEOUT, self.answer(request, body)).await;
        answered.unwrap_or_else(|_| Err(private.silent()))
    }

    async fn answer<T: DeserializeOwned>(
        &mut self,
        request: Builder,
        body: Bytes,
    ) -> Result<T, Failed> {
        let Private { address, token } = self.private;
        let mut request = request.header(HOST, "localhost");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| format!("cannot ask that: {error}"))?;
        let not_pushd = |error: &dyn std::fmt::Display| self.private.not_pushd(error);
        let answer = self.conversation.ask(request).await;
        let (head, body) = answer.map_err(|error| not_pushd(&with_causes(&error)))?;
        if head.status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|error| not_pushd(&error));
        }
        match serde_json::from_slice::<Refused>(&body) {
            Ok(_) if head.status == StatusCode::UNAUTHORIZED => Err(format!(
                "{address} wants {} publish token: give it in PUSHD_PUBLISH_TOKEN, or name with --config the file \
                 that has it",
                if token.is_some() { "another" } else { "a" }
            )),
            Ok(Refused { error }) => Err(format!("{address} says no: {}", plain(&error))),
            Err(_) => Err(not_pushd(&head.status)),
        }
    }
}

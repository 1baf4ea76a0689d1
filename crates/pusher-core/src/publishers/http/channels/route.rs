//! Routes of signed requests.

use http::request::Parts;
use http::{Method, StatusCode};
use pusher_proto::channels::{Channel, ChannelsApp, Parameters, RestFault, check_request};

use crate::publishers::http::answer::HttpRefusal;
use crate::publishers::http::percent::decode;
use crate::unix_time::unix_s;

const APPS: &str = "/apps/";

/// The Python library leaves `/apps/ID` out when it ends the connections of a user.
const USERS: &str = "/users/";

/// A request that the site has signed. Its body has not arrived yet.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::publishers::http) struct SignedRequest {
    pub(super) route: ChannelsRoute,
    pub(super) parameters: Parameters,
}

/// The route of a signed request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChannelsRoute {
    /// `POST /apps/ID/events`.
    Trigger,
    /// `POST /apps/ID/batch_events`.
    TriggerBatch,
    /// `POST /apps/ID/users/USER/terminate_connections`.
    Terminate { user: String },
    /// `GET /apps/ID/channels`.
    Channels,
    /// `GET /apps/ID/channels/CHANNEL`.
    Channel { name: String },
    /// `GET /apps/ID/channels/CHANNEL/users`.
    Users { channel: String },
}

/// Whether the path is one of signed requests.
pub(in crate::publishers::http) fn is_signed(path: &str) -> bool {
    path.starts_with(APPS) || path.starts_with(USERS)
}

/// Whether a path is one of signed requests that publish.
pub(in crate::publishers::http) fn publishes(path: &str) -> bool {
    path.starts_with(APPS) && (path.ends_with("/events") || path.ends_with("/batch_events"))
}

/// Finds the route of a request and checks its signature.
pub(in crate::publishers::http) fn check(
    head: &Parts,
    app: &ChannelsApp,
) -> Result<SignedRequest, HttpRefusal> {
    let path = head.uri.path();
    let rest = behind_app(path, app)?;
    let (method, route) = ChannelsRoute::find(rest)?;
    if head.method != method {
        return Err(HttpRefusal::method(match method == Method::POST {
            true => "POST",
            false => "GET",
        }));
    }
    let query = head.uri.query().unwrap_or_default();
    let parameters = check_request(app, method.as_str(), path, query, unix_s());
    let parameters = parameters.map_err(|fault| signature_refusal(&fault))?;
    Ok(SignedRequest { route, parameters })
}

/// Returns the part of a path behind the application, without a slash before it.
fn behind_app<'a>(path: &'a str, app: &ChannelsApp) -> Result<&'a str, HttpRefusal> {
    if path.starts_with(USERS) {
        return Ok(&path[1..]);
    }
    let (id, rest) = path
        .strip_prefix(APPS)
        .and_then(|path| path.split_once('/'))
        .ok_or_else(not_found)?;
    match id == app.id() {
        true => Ok(rest),
        false => Err(HttpRefusal::new(
            StatusCode::NOT_FOUND,
            "no application has this id: the site and the setting pusher-app must have the same",
        )),
    }
}

impl ChannelsRoute {
    pub(super) fn has_body(&self) -> bool {
        matches!(
            self,
            Self::Trigger | Self::TriggerBatch | Self::Terminate { .. }
        )
    }

    /// Finds a route, and its method. `path` is the part behind the id of the application.
    fn find(path: &str) -> Result<(Method, Self), HttpRefusal> {
        let parts: Vec<_> = path.split('/').collect();
        Ok(match *parts {
            ["events"] => (Method::POST, Self::Trigger),
            ["batch_events"] => (Method::POST, Self::TriggerBatch),
            ["users", user, "terminate_connections"] => {
                let user = decode(user, "user")?;
                (Method::POST, Self::Terminate { user })
            }
            ["channels"] => (Method::GET, Self::Channels),
            ["channels", name] => {
                let name = channel(name)?;
                (Method::GET, Self::Channel { name })
            }
            ["channels", name, "users"] => {
                let channel = channel(name)?;
                (Method::GET, Self::Users { channel })
            }
            _ => return Err(not_found()),
        })
    }
}

/// For a request that the site has not signed like this.
pub(super) fn signature_refusal(fault: &RestFault) -> HttpRefusal {
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    HttpRefusal::new(status, fault.to_string())
}

fn channel(text: &str) -> Result<String, HttpRefusal> {
    let name = decode(text, "channel")?;
    Channel::parse(&name).map_err(|error| HttpRefusal::bad_request(error.to_string()))?;
    Ok(name)
}

/// For a path that is not one of signed requests.
pub(in crate::publishers::http) fn not_found() -> HttpRefusal {
    let reason = "not found: the paths are POST /apps/ID/events, /apps/ID/batch_events and \
                  /apps/ID/users/USER/terminate_connections, and GET /apps/ID/channels, /apps/ID/channels/CHANNEL and \
                  /apps/ID/channels/CHANNEL/users";
    HttpRefusal::new(StatusCode::NOT_FOUND, reason)
}

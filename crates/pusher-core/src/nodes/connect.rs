//! Connections to Redis.

#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisResult,
};
use tokio_util::task::AbortOnDropHandle;

#[cfg(unix)]
use super::request_stream::RequestStream;
use crate::config::{Live, RedisAddress, RedisPassword, RedisTarget, Sentinel};

/// Longest time to connect, and to log in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest time until a reply. A reply that is later counts as none, and the connection as broken.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The task that reads and writes a connection, unless the connection has one of its own. Ends when it is dropped, also
/// while a reply is missing.
pub(super) type Driver = Option<AbortOnDropHandle<()>>;

/// Opens connections.
#[derive(Debug)]
pub(super) struct Connector {
    address: RedisAddress,
    live: Arc<Live>,
    /// The server of the last connection, for people.
    last_server: Mutex<String>,
}

impl Connector {
    pub(super) fn new(address: RedisAddress, live: Arc<Live>) -> Self {
        Self {
            address,
            live,
            last_server: Mutex::default(),
        }
    }

    /// Returns the address for people, without the password.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Connects to the server that accepts writes. Replies may take up to `response_timeout`.
    pub(super) async fn connect(
        &self,
        response_timeout: Duration,
    ) -> RedisResult<MultiplexedConnection> {
        let info = self.server_info().await?;
        open(info, response_timeout).await
    }

    /// Like [`connect`](Self::connect), for small requests, of which one at a time is under way. The connection ends with
    /// its driver.
    pub(super) async fn connect_for_requests(
        &self,
        response_timeout: Duration,
    ) -> RedisResult<(MultiplexedConnection, Driver)> {
        let info = self.server_info().await?;
        match info.addr() {
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                open_unix(path, info.redis_settings(), response_timeout).await
            }
            _ => Ok((open(info, response_timeout).await?, None)),
        }
    }

    async fn server_info(&self) -> RedisResult<ConnectionInfo> {
        let password = self.live.options().redis_password.clone();
        let info = server_info(&self.address, password.as_ref()).await?;
        *self.last_server.lock() = info.addr().to_string();
        Ok(info)
    }

    /// Returns the server of the last connection.
    pub(super) fn last_server(&self) -> String {
        self.last_server.lock().clone()
    }
}

/// Returns where and how to connect to the server that accepts writes.
pub(super) async fn server_info(
    address: &RedisAddress,
    password: Option<&RedisPassword>,
) -> RedisResult<ConnectionInfo> {
    let info = match &address.target {
        RedisTarget::Server(info) => (**info).clone(),
        RedisTarget::Sentinel(sentinel) => master_of(sentinel).await?,
    };
    Ok(match password {
        Some(password) => {
            let settings = info.redis_settings().clone();
            info.set_redis_settings(settings.set_password(password.as_str()))
        }
        None => info,
    })
}

pub(super) async fn open(
    info: ConnectionInfo,
    response_timeout: Duration,
) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(response_timeout));
    let client = Client::open(info)?;
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

/// Opens a unix socket for one request at a time.
#[cfg(unix)]
async fn open_unix(
    path: &Path,
    login: &RedisConnectionInfo,
    response_timeout: Duration,
) -> RedisResult<(MultiplexedConnection, Driver)> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(response_timeout));
    let opened = async {
        let stream = RequestStream::connect(path).await?;
        MultiplexedConnection::new_with_config(login, stream, config).await
    };
    let opened = tokio::time::timeout(CONNECT_TIMEOUT, opened).await;
    let (connection, driver) =
        opened.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    let driver = AbortOnDropHandle::new(tokio::spawn(driver));
    Ok((connection, Some(driver)))
}

/// Asks the Sentinels for the master, one after the other.
async fn master_of(sentinel: &Sentinel) -> RedisResult<ConnectionInfo> {
    let mut last_error = None;
    for (host, port) in &sentinel.sentinels {
        match ask(host, *port, &sentinel.master).await {
            Ok((host, port)) => return master_info(sentinel, host, port),
            Err(error) => last_error = Some(error),
        }
    }
    Err(last_error.unwrap_or_else(|| (ErrorKind::EmptySentinelList, "no Sentinel").into()))
}

async fn ask(host: &str, port: u16, master: &str) -> RedisResult<(String, u16)> {
    let address = ConnectionAddr::Tcp(host.to_owned(), port);
    let mut connection = open(address.into_connection_info()?, CONNECT_TIMEOUT).await?;
    let answer: Option<(String, u16)> = redis::cmd("SENTINEL")
        .arg("GET-MASTER-ADDR-BY-NAME")
        .arg(master)
        .query_async(&mut connection)
        .await?;
    answer.ok_or_else(|| {
        let text = "the Sentinel does not know the master";
        RedisError::from((
            ErrorKind::MasterNameNotFoundBySentinel,
            text,
            master.to_owned(),
        ))
    })
}

fn master_info(sentinel: &Sentinel, host: String, port: u16) -> RedisResult<ConnectionInfo> {
    let mut settings = RedisConnectionInfo::default().set_db(sentinel.database);
    if let Some(user) = &sentinel.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &sentinel.password {
        settings = settings.set_password(password);
    }
    let info = ConnectionAddr::Tcp(host, port).into_connection_info()?;
    Ok(info.set_redis_settings(settings))
}

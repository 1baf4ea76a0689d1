//! One connection to Redis for the short requests of several tasks.

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Pipeline, RedisResult, Script};
use tokio::sync::Mutex;

use super::connect::{Connector, RESPONSE_TIMEOUT};

/// A connection that is opened when it is needed, and again after a failure.
#[derive(Debug, Default)]
pub(super) struct SharedConnection(Mutex<Option<MultiplexedConnection>>);

impl SharedConnection {
    /// Sends commands, and calls of one script. If that fails, sends them once more on a new connection: the old one may have
    /// ended after its last use. So Redis may get them twice.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        connector: &Connector,
        commands: &Pipeline,
        script: Option<&Script>,
    ) -> RedisResult<T> {
        match query(self.get(connector).await?, commands, script).await {
            Ok(reply) => return Ok(reply),
            Err(_) => self.forget().await,
        }
        let again = query(self.get(connector).await?, commands, script).await;
        if again.is_err() {
            self.forget().await;
        }
        again
    }

    /// Closes the connection. The next request opens another one.
    pub(super) async fn forget(&self) {
        self.0.lock().await.take();
    }

    async fn get(&self, connector: &Connector) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.0.lock().await;
        match &*connection {
            Some(connection) => Ok(connection.clone()),
            None => {
                let opened = connector.connect(RESPONSE_TIMEOUT).await?;
                Ok(connection.insert(opened).clone())
            }
        }
    }
}

async fn query<T: FromRedisValue>(
    mut connection: MultiplexedConnection,
    commands: &Pipeline,
    script: Option<&Script>,
) -> RedisResult<T> {
    match (commands.query_async(&mut connection).await, script) {
        (Err(error), Some(script)) if error.code() == Some("NOSCRIPT") => {
            script.load_async(&mut connection).await?;
            commands.query_async(&mut connection).await
        }
        (reply, _) => reply,
    }
}

//! Further connections that find out why a step failed.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::certificate;
use crate::client::{Connector, Target};

/// Time limit of a probe.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum number of probes after a failed handshake.
pub(super) const PROBES_MAX: u32 = 3;

/// Longest greeting that is read, in bytes.
const GREETING_LEN_MAX: usize = 1024;

/// Returns the bytes that the server sends before it reads anything. A full pushd sends its message like this, without TLS
/// even where clients use TLS.
pub(super) async fn greeting(connector: &Connector) -> String {
    let mut bytes = [0; GREETING_LEN_MAX];
    let read = timeout(PROBE_TIMEOUT, async {
        let mut stream = TcpStream::connect(connector.address).await?;
        stream.read(&mut bytes).await
    });
    let len = read.await.ok().and_then(Result::ok).unwrap_or_default();
    String::from_utf8_lossy(&bytes[..len]).into_owned()
}

/// Returns whether the port speaks TLS although the URL does not say so.
pub(super) async fn speaks_tls(connector: &Connector) -> bool {
    let target = Target {
        tls: true,
        ..connector.target.clone()
    };
    let Ok(connector) = Connector::new(target, connector.address) else {
        return false;
    };
    match timeout(PROBE_TIMEOUT, connector.connect()).await {
        Ok(Ok(_)) => true,
        // A certificate that is not valid shows TLS too.
        Ok(Err(error)) => certificate::is_about_certificate(&error),
        Err(_) => false,
    }
}

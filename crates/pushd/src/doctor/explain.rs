//! Explains why no session could be opened, for the commands that open one in a single call.

use super::connection::{explain_dial, explain_dns, explain_tls, explain_tls_setup};
use super::diagnosis;
use super::fault::Fault;
use super::session::explain_welcome;
use super::step::{Step, timed_out};
use crate::client::ConnectError;

/// Finds the reason, with further connections where they help.
pub(crate) async fn explain(error: ConnectError) -> Fault {
    match error {
        ConnectError::Target(error) => Fault::new("url", error.to_string(), ""),
        ConnectError::Dns { host, source } => explain_dns(&host, &source),
        ConnectError::Dial(error) => explain_dial(&error),
        ConnectError::TlsSetup(error) => explain_tls_setup(&error),
        ConnectError::Tls { source, connector } => explain_tls(&source, &connector).await,
        ConnectError::Handshake { refusal, connector } => {
            diagnosis::explain(refusal, &connector).await
        }
        ConnectError::Welcome(error) => explain_welcome(&error),
        ConnectError::Timeout(timeout) => timed_out(Step::Welcome, timeout),
        ConnectError::NoFurther { .. } => Fault::new(
            "tcp",
            error.to_string(),
            "pushd's log says whether pushd refused it.",
        ),
    }
}

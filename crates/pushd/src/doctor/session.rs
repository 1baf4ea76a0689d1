//! Explains why a session did not begin, or ended.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::fault::Fault;
use crate::client::{Session, SessionEnd, WelcomeError};

/// Explains a WebSocket that is not a WAMP session.
pub(super) fn explain_welcome(error: &WelcomeError) -> Fault {
    let todo = "Another WebSocket server than pushd answers: does the web server pass the path on to the address that \
                pushd listens on?";
    Fault::new("no-welcome", error.to_string(), todo)
}

/// Explains the end of a connection that worked before. `when` names the client's activity.
pub(super) fn explain_end(when: &str, end: &SessionEnd) -> Fault {
    Fault::new(
        "connection-lost",
        format!("the connection ended {when}: {end}"),
        "pushd's log says whether pushd closed it (`--log debug`). If not, a program on the way cuts connections.",
    )
}

/// Waits without sending anything, and checks that the connection is still open afterwards.
pub(super) async fn stay_idle(
    session: &mut Session,
    idle: Duration,
    answer_timeout: Duration,
) -> Result<((), String), Fault> {
    let begin = Instant::now();
    if let Ok(end) = timeout(idle, session.until_end()).await {
        return Err(explain_idle(begin.elapsed(), &end.reason));
    }
    match timeout(answer_timeout, session.round_trip()).await {
        Ok(Ok(())) => {
            let pings = session.pings;
            let what = format!(
                "still connected after {idle:?} without an event, with {pings} pings from pushd"
            );
            Ok(((), what))
        }
        Ok(Err(end)) => Err(explain_idle(idle, &end.reason)),
        Err(_) => Err(explain_idle(idle, "no answer to a ping")),
    }
}

fn explain_idle(after: Duration, reason: &str) -> Fault {
    let seconds = after.as_secs();
    Fault::new(
        "idle-timeout",
        format!("the connection ended after {seconds} s without an event: {reason}"),
        "A program on the way closes idle connections sooner than pushd pings (25 s, ping-interval). Raise its timeout \
         (nginx: `proxy_read_timeout 90s;`; Apache: `timeout=90` in ProxyPass, or Timeout; HAProxy: `timeout tunnel \
         90s`; a load balancer has an idle timeout of its own).",
    )
}

//! Sessions without a report: for `pushd subscribe` and `pushd bench`.

use std::time::Duration;

use super::dial::{self, Route, with_causes};
use super::report::{self, Fault, Step};
use super::session::Session;
use super::target::Target;
use super::{PROBES_MAX, open};

/// The way to a server, for more sessions than the one that has found it.
pub(crate) struct Way {
    route: Route,
    timeout: Duration,
}

/// Opens a session at an address as the doctor takes it.
pub(crate) async fn connect(url: &str, timeout: Duration) -> Result<(Session, Way), Fault> {
    let wrong = |error: String| Fault::new("url", error, "");
    let target = Target::parse(url, None, None).map_err(wrong)?;
    within(timeout, async {
        let (addresses, _) = dial::look_up(&target).await?;
        let ((stream, address), _) = dial::connect(addresses, timeout).await?;
        let way = Way {
            route: Route::new(target, address)?,
            timeout,
        };
        let (wire, _) = way.route.encrypt(stream).await?;
        Ok((way.begin(wire).await?, way))
    })
    .await
}

impl Way {
    /// Opens one more session.
    pub(crate) async fn connect(&self) -> Result<Session, Fault> {
        within(self.timeout, async {
            let wire = self.route.connect().await.map_err(|error| {
                let (address, error) = (self.route.address, with_causes(&error));
                let what = format!("{address} takes no further connection: {error}");
                Fault::new("tcp", what, "pushd's log says whether it refused it.")
            })?;
            self.begin(wire).await
        })
        .await
    }

    async fn begin(&self, wire: Box<dyn dial::Wire>) -> Result<Session, Fault> {
        let (socket, _) = open(wire, &self.route, self.timeout).await?;
        let (session, _) = Session::begin(socket).await?;
        Ok(session)
    }
}

/// There is time to find out about a fault beside what is granted.
async fn within<T>(
    timeout: Duration,
    connecting: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let all = 2 * timeout + PROBES_MAX * dial::PROBE_TIMEOUT;
    let connected = tokio::time::timeout(all, connecting).await;
    connected.unwrap_or_else(|_| Err(report::timed_out(Step::Welcome, all)))
}

//! What Windows asks of a service, and the states that it is told.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::Notify;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};

/// The name by which `sc` and `net` know the service.
pub(crate) const SERVICE: &str = "pushd";

/// Time in which the service starts or stops, as Windows is told.
const WAIT_HINT: Duration = Duration::from_secs(10);

/// Exit code of a service that failed.
const FAILED: u32 = 1;

static STOP: Notify = Notify::const_new();

/// Where the state is reported to. Set in a process that is a service.
static STATUS: OnceLock<ServiceStatusHandle> = OnceLock::new();

/// Begins to listen to Windows. From then on this process is a service.
pub(crate) fn begin() -> windows_service::Result<()> {
    let status = service_control_handler::register(SERVICE, obey)?;
    let _first = STATUS.set(status);
    report(ServiceState::StartPending, 0);
    Ok(())
}

/// Tells Windows that the service has ended. The process ends soon.
pub(crate) fn ended(is_success: bool) {
    report(ServiceState::Stopped, if is_success { 0 } else { FAILED });
}

/// Windows calls it in a thread of its own.
fn obey(control: ServiceControl) -> ServiceControlHandlerResult {
    match control {
        ServiceControl::Stop | ServiceControl::Shutdown => STOP.notify_one(),
        ServiceControl::Interrogate => {}
        _ => return ServiceControlHandlerResult::NotImplemented,
    }
    ServiceControlHandlerResult::NoError
}

fn report(state: ServiceState, exit_code: u32) {
    let Some(status) = STATUS.get() else {
        return;
    };
    let is_running = state == ServiceState::Running;
    let is_waiting = matches!(
        state,
        ServiceState::StartPending | ServiceState::StopPending
    );
    let reported = status.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: match is_running {
            true => ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN,
            false => ServiceControlAccept::empty(),
        },
        exit_code: match exit_code {
            0 => ServiceExitCode::NO_ERROR,
            code => ServiceExitCode::ServiceSpecific(code),
        },
        checkpoint: 0,
        wait_hint: if is_waiting {
            WAIT_HINT
        } else {
            Duration::ZERO
        },
        process_id: None,
    });
    if let Err(error) = reported {
        tracing::warn!(%error, "cannot tell Windows the state of the service");
    }
}

/// Whether this process is a service.
pub(crate) fn is_running() -> bool {
    STATUS.get().is_some()
}

/// Tells Windows that the daemon serves.
pub(crate) fn ready() {
    report(ServiceState::Running, 0);
}

/// Tells Windows that the daemon ends.
pub(crate) fn stopping() {
    report(ServiceState::StopPending, 0);
}

/// Waits until the service is stopped.
pub(crate) async fn stopped() {
    STOP.notified().await;
}

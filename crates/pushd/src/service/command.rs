//! `pushd service`: installs and removes the service.

use std::env;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command};
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState,
    ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::{folders, running};
use crate::output::{self, FAILURE, USAGE, fail, say};
use crate::paths;
use crate::service_control::SERVICE;
use crate::settings::{Settings, Sources};

pub(crate) const NAME: &str = "service";
const INSTALL: &str = "install";
const REMOVE: &str = "remove";
const RUN: &str = "run";

/// The account: it may do nothing that the service does not need.
const ACCOUNT: &str = r"NT AUTHORITY\LocalService";

/// Time after which Windows starts the service again if it fails.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// Time without a failure after which Windows forgets earlier ones.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// Time for the service to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// `ERROR_ACCESS_DENIED`, `ERROR_SERVICE_EXISTS`, `ERROR_SERVICE_DOES_NOT_EXIST` and
/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT` of Windows.
const ACCESS_DENIED: i32 = 5;
const EXISTS: i32 = 1073;
const DOES_NOT_EXIST: i32 = 1060;
const NOT_STARTED_BY_WINDOWS: i32 = 1063;

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
enum ServiceError {
    #[error("{what}: {source}{advice}", advice = advice(source))]
    Windows {
        what: &'static str,
        source: windows_service::Error,
    },
    #[error("cannot make the folders of the service: {0}")]
    Folders(io::Error),
    #[error("cannot find the own program: {0}")]
    Program(io::Error),
    #[error("the service does not stop: end it in the Task Manager, then try again")]
    DoesNotStop,
    #[error(transparent)]
    Output(#[from] output::OutputError),
}

fn advice(error: &windows_service::Error) -> &'static str {
    let windows_service::Error::Winapi(source) = error else {
        return "";
    };
    match source.raw_os_error() {
        Some(ACCESS_DENIED) => "; use a console that was started as administrator",
        Some(EXISTS) => "; `pushd service remove` removes it",
        Some(DOES_NOT_EXIST) => "; `pushd service install` installs it",
        Some(NOT_STARTED_BY_WINDOWS) => {
            "; Windows runs this command. In a console, start `pushd` without it"
        }
        _ => "",
    }
}

fn of(what: &'static str) -> impl FnOnce(windows_service::Error) -> ServiceError {
    move |source| ServiceError::Windows { what, source }
}

pub(crate) fn command() -> Command {
    Command::new(NAME)
        .about("Installs pushd as a service of Windows, or removes it")
        .subcommand_required(true)
        .subcommand(
            Command::new(INSTALL).about("Installs the service and starts it, now and with Windows"),
        )
        .subcommand(Command::new(REMOVE).about("Stops the service and removes it"))
        .subcommand(Command::new(RUN).hide(true))
}

/// Runs the subcommand.
pub(crate) fn run(matches: &ArgMatches, sources: Sources, settings: Settings) -> ExitCode {
    let done = match matches.subcommand_name() {
        Some(INSTALL) if !sources.flags.is_empty() => {
            let file = sources.path();
            let text = format!(
                "a service has its settings in the file {}: write them there, without flags",
                file.display()
            );
            return fail(USAGE, text);
        }
        Some(INSTALL) => install(&sources),
        Some(REMOVE) => remove(),
        _ => running::run(sources, settings).map_err(of("cannot run as a service")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILURE, error),
    }
}

fn install(sources: &Sources) -> Result<(), ServiceError> {
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = manager(access)?;
    for warning in folders::make().map_err(ServiceError::Folders)? {
        say(warning);
    }
    let mut launch_arguments: Vec<OsString> = Vec::new();
    if let Some(file) = &sources.file {
        launch_arguments.extend(["--config".into(), file.into()]);
    }
    launch_arguments.extend([NAME.into(), RUN.into()]);
    let info = ServiceInfo {
        name: SERVICE.into(),
        display_name: "pushd: push for web sites".into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: env::current_exe().map_err(ServiceError::Program)?,
        launch_arguments,
        dependencies: Vec::new(),
        account_name: Some(ACCOUNT.into()),
        account_password: None,
    };
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
    let service = manager.create_service(&info, access);
    let service = service.map_err(of("cannot install the service"))?;
    if let Err(error) = describe(&service) {
        say(format_args!(
            "Windows will not start the service again if it fails: {error}"
        ));
    }
    let started = service.start::<&str>(&[]);
    started.map_err(of("the service is installed, but cannot be started"))?;
    let _reader = output::print(format_args!(
        "The service pushd runs, and starts with Windows.\nSettings: {}\nLog: {}",
        sources.path().display(),
        paths::log_file().display()
    ))?;
    Ok(())
}

/// Sets the description, and that the service starts again after a failure.
fn describe(service: &Service) -> windows_service::Result<()> {
    service.set_description("Sends events of web sites to browsers at once")?;
    service.update_failure_actions(ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGET_AFTER),
        reboot_msg: None,
        command: None,
        actions: Some(vec![ServiceAction {
            action_type: ServiceActionType::Restart,
            delay: RESTART_DELAY,
        }]),
    })?;
    service.set_failure_actions_on_non_crash_failures(true)
}

fn remove() -> Result<(), ServiceError> {
    let manager = manager(ServiceManagerAccess::CONNECT)?;
    let access = ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE;
    let service = manager.open_service(SERVICE, access);
    let service = service.map_err(of("cannot open the service"))?;
    stop(&service)?;
    service.delete().map_err(of("cannot remove the service"))?;
    let _reader = output::print("The service pushd is removed. Its settings and log are kept.")?;
    Ok(())
}

fn stop(service: &Service) -> Result<(), ServiceError> {
    let state = || {
        let status = service.query_status();
        status.map(|status| status.current_state)
    };
    let unknown = "cannot ask whether the service runs";
    if state().map_err(of(unknown))? == ServiceState::Stopped {
        return Ok(());
    }
    service.stop().map_err(of("cannot stop the service"))?;
    let end = Instant::now() + STOP_TIMEOUT;
    while state().map_err(of(unknown))? != ServiceState::Stopped {
        if Instant::now() >= end {
            return Err(ServiceError::DoesNotStop);
        }
        sleep(LOOK_INTERVAL);
    }
    Ok(())
}

fn manager(access: ServiceManagerAccess) -> Result<ServiceManager, ServiceError> {
    let manager = ServiceManager::local_computer(None::<&str>, access);
    manager.map_err(of("cannot open the list of services"))
}

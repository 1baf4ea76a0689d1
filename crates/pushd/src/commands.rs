//! Commands of the operator: signals, `POST /reload` and `POST /upgrade`.

use std::convert::Infallible;

use pusher_core::NoUpgrade;
use tokio::sync::{mpsc, oneshot};

use crate::handover::Upgrader;
use crate::reload::Reloader;
use crate::signals::{Request, Requests};
use crate::systemd;

/// A command that came by HTTP. Its result goes to the sender.
pub(crate) enum Command {
    Upgrade(oneshot::Sender<Result<(), NoUpgrade>>),
    Reload(oneshot::Sender<Result<usize, String>>),
}

/// Commands an upgrade. Returns as soon as the new program can continue.
pub(crate) async fn upgrade(commands: mpsc::Sender<Command>) -> Result<(), NoUpgrade> {
    let result = send(commands, Command::Upgrade).await;
    result.unwrap_or(Err(NoUpgrade::Ending))
}

/// Commands a reload. Returns when it is done.
pub(crate) async fn reload(commands: mpsc::Sender<Command>) -> Result<usize, String> {
    let result = send(commands, Command::Reload).await;
    result.unwrap_or_else(|| Err(NoUpgrade::Ending.to_string()))
}

/// Sends a command and waits for its result. Returns `None` if the daemon ends.
async fn send<T>(
    commands: mpsc::Sender<Command>,
    command: fn(oneshot::Sender<T>) -> Command,
) -> Option<T> {
    let (sender, result) = oneshot::channel();
    commands.send(command(sender)).await.ok()?;
    result.await.ok()
}

/// Carries out the commands: reads the settings again, or begins an upgrade. Also watches the files that the settings name.
pub(crate) struct CommandLoop<'a> {
    pub(crate) signals: Requests,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) upgrader: &'a Upgrader,
    pub(crate) reloader: Reloader,
}

impl CommandLoop<'_> {
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            tokio::select! {
                request = self.signals.next() => self.on_signal(request).await,
                Some(command) = self.commands.recv() => self.on_command(command).await,
                () = self.reloader.files.changed() => self.reloader.renew_files(),
                () = self.reloader.expiry.due() => self.reloader.expiry.check(),
            }
        }
    }

    async fn on_signal(&mut self, request: Request) {
        let wants_upgrade = request == Request::Upgrade || self.upgrader.program.is_replaced();
        // `upgrade` has logged a refusal.
        let is_upgraded = wants_upgrade && self.upgrade().await.is_ok();
        if request == Request::Reload && !is_upgraded {
            // `reload` has logged mistakes.
            let _changed = self.reload();
        }
    }

    async fn on_command(&mut self, command: Command) {
        // The HTTP client may have closed its connection. Then nobody receives the result.
        match command {
            Command::Upgrade(result) => drop(result.send(self.upgrade().await)),
            Command::Reload(result) => drop(result.send(self.reload())),
        }
    }

    fn reload(&mut self) -> Result<usize, String> {
        systemd::reloading();
        let changed = self.reloader.reload();
        systemd::ready();
        changed
    }

    /// Stops the server for the new program, if that can continue.
    async fn upgrade(&mut self) -> Result<(), NoUpgrade> {
        self.upgrader.upgrade().await.map_err(|error| {
            self.reloader.control.count_failed_hand_over();
            tracing::error!("no upgrade: {error}");
            error.into()
        })
    }
}

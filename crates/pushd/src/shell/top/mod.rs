//! `pushd top`: the busiest topics and the slowest connections, as a table that is refreshed each second.

mod figures;
mod screen;
mod table;

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::error::ShellError;
use super::publish_listener::{PublishConnection, PublishListener};
use crate::output;
use crate::settings::Settings;
use figures::Figures;
use screen::{EndSignals, Screen, Size, keys};
use table::Table;

pub(super) const TOP: &str = "top";

const REFRESH: Duration = Duration::from_secs(1);

/// Connections that are requested: more than a screen has lines.
const CONNECTIONS_MAX: usize = 100;

/// Size of a table that is not for a screen.
const ONCE: Size = Size {
    lines: 50,
    columns: 200,
};

pub(super) fn command() -> Command {
    Command::new(TOP)
        .about("Shows the busiest topics and the connections with the longest queues, each second. `q` ends it")
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .help("Print one table, and end"),
        )
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let listener = PublishListener::new(matches, settings)?;
    if matches.get_flag("once") {
        let figures = ask(&mut listener.open().await?).await?;
        let _reader = output::write(Table::new(&figures).lines(ONCE).join("\n") + "\n")?;
        return Ok(());
    }
    if !io::stdout().is_terminal() {
        return Err(ShellError::NoTerminal);
    }
    // A server that cannot be asked at all is an error, before the screen is cleared.
    let mut server = Some(listener.open().await?);
    let mut figures = ask_again(&listener, &mut server).await?;
    // Before the screen is changed: a signal must restore it.
    let mut signals = EndSignals::catch().map_err(ShellError::Terminal)?;
    let mut screen = Screen::open().map_err(ShellError::Terminal)?;
    let mut pressed = keys();
    let mut failure = None;
    loop {
        let mut table = Table::new(&figures);
        table.failure.clone_from(&failure);
        screen
            .show(&table.lines(Size::of_terminal()))
            .map_err(ShellError::Terminal)?;
        tokio::select! {
            () = signals.wait() => return Ok(()),
            () = quit(&mut pressed) => return Ok(()),
            () = sleep(REFRESH) => {}
        }
        let asked = tokio::select! {
            () = signals.wait() => return Ok(()),
            () = quit(&mut pressed) => return Ok(()),
            asked = ask_again(&listener, &mut server) => asked,
        };
        match asked {
            Ok(new) => (figures, failure) = (new, None),
            Err(error) => failure = Some(error.to_string()),
        }
    }
}

/// Waits for the key that ends the command.
async fn quit(pressed: &mut mpsc::Receiver<u8>) {
    loop {
        match pressed.recv().await {
            Some(b'q' | b'Q') => return,
            Some(_) => {}
            // Standard input has ended. Signals still end the command.
            None => std::future::pending().await,
        }
    }
}

/// Asks over the same connection, and over a new one if that has ended.
async fn ask_again<'a>(
    listener: &'a PublishListener,
    server: &mut Option<PublishConnection<'a>>,
) -> Result<Figures, ShellError> {
    let mut connection = match server.take() {
        Some(connection) => connection,
        None => listener.open().await?,
    };
    let figures = ask(&mut connection).await?;
    *server = Some(connection);
    Ok(figures)
}

async fn ask(connection: &mut PublishConnection<'_>) -> Result<Figures, ShellError> {
    Ok(Figures {
        status: connection.get("/status.json").await?,
        charts: connection.get("/charts.json").await?,
        connections: connection
            .get(&format!("/connections.json?limit={CONNECTIONS_MAX}"))
            .await?,
    })
}

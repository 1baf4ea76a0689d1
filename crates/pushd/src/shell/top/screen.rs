//! The terminal of `pushd top`: a screen of its own, and single keys.

use std::io::{self, Read, Write};
use std::thread;

use tokio::sync::mpsc;

/// Control sequences (ECMA-48, and xterm's private modes). Automatic wrapping is off, because a line of wide characters
/// (Japanese, for instance) may need more columns than it has characters. A second line would scroll the screen.
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const CLOSE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// Keys that wait.
const KEYS_MAX: usize = 16;

/// The terminal's second screen, without cursor and echo. Dropping it restores the terminal.
pub(super) struct Screen {
    #[cfg(unix)]
    _mode: Option<mode::SingleKeys>,
}

/// Lines and columns of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) lines: usize,
    pub(super) columns: usize,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        let screen = Self {
            #[cfg(unix)]
            _mode: mode::SingleKeys::begin()?,
        };
        write(OPEN)?;
        Ok(screen)
    }

    /// Replaces the lines on the screen.
    pub(super) fn show(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = HOME.to_owned();
        for (index, line) in lines.iter().enumerate() {
            // A line end behind the last line would scroll the screen.
            let end = if index + 1 < lines.len() { "\n" } else { "" };
            text.extend([line, CLEAR_LINE, end]);
        }
        text.push_str(CLEAR_BELOW);
        write(&text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If the terminal is gone, there is nothing to restore.
        let _gone = write(CLOSE);
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

impl Size {
    const DEFAULT: Self = Self {
        lines: 24,
        columns: 80,
    };

    /// Returns the size of the terminal at this moment.
    pub(super) fn of_terminal() -> Self {
        #[cfg(unix)]
        {
            mode::size().unwrap_or(Self::DEFAULT)
        }
        #[cfg(not(unix))]
        {
            Self::DEFAULT
        }
    }
}

/// Returns the keys that are pressed. A thread reads them, because nothing can interrupt a read of standard input; it ends with
/// the process.
pub(super) fn keys() -> mpsc::Receiver<u8> {
    let (sender, keys) = mpsc::channel(KEYS_MAX);
    let read = move || {
        for key in io::stdin().lock().bytes().map_while(Result::ok) {
            if sender.blocking_send(key).is_err() {
                return;
            }
        }
    };
    // Without the thread, signals still end the command.
    let _thread = thread::Builder::new().name("keys".to_owned()).spawn(read);
    keys
}

/// Signals that end the command.
#[cfg(unix)]
pub(super) struct EndSignals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl EndSignals {
    /// Catches the signals from now on.
    pub(super) fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ];
        Ok(Self(
            kinds.into_iter().map(signal).collect::<Result<_, _>>()?,
        ))
    }

    /// Waits for one.
    pub(super) async fn wait(&mut self) {
        std::future::poll_fn(|task| {
            let mut signals = self.0.iter_mut();
            match signals.any(|signal| signal.poll_recv(task).is_ready()) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

/// Signals that end the command.
#[cfg(not(unix))]
pub(super) struct EndSignals;

#[cfg(not(unix))]
impl EndSignals {
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for one.
    pub(super) async fn wait(&mut self) {
        let _ended = tokio::signal::ctrl_c().await;
    }
}

#[cfg(unix)]
mod mode {
    //! The mode of the terminal.

    use std::io::{self, IsTerminal};

    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
    };

    use super::Size;

    /// The value of a special character that is switched off (`_POSIX_VDISABLE`).
    const DISABLED: u8 = 0;

    /// Keys arrive one by one and are not echoed, until this is dropped.
    pub(super) struct SingleKeys {
        before: Termios,
    }

    impl SingleKeys {
        /// Returns `None` if standard input is no terminal.
        pub(super) fn begin() -> io::Result<Option<Self>> {
            if !io::stdin().is_terminal() {
                return Ok(None);
            }
            let before = tcgetattr(io::stdin())?;
            let mut single = before.clone();
            // Ctrl-C stays a signal.
            single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            // Ctrl-Z would leave the terminal in this mode.
            single.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
            single.special_codes[SpecialCodeIndex::VMIN] = 1;
            single.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(io::stdin(), OptionalActions::Now, &single)?;
            Ok(Some(Self { before }))
        }
    }

    impl Drop for SingleKeys {
        fn drop(&mut self) {
            let _gone = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
        }
    }

    /// Returns the size of the terminal. `None` if it does not know it.
    pub(super) fn size() -> Option<Size> {
        let size = tcgetwinsize(io::stdout()).ok()?;
        let size = Size {
            lines: size.ws_row.into(),
            columns: size.ws_col.into(),
        };
        (size.lines > 0 && size.columns > 0).then_some(size)
    }
}

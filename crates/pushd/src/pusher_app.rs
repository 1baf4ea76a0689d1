//! The application whose browsers speak the Pusher Channels protocol.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pusher_core::{ChannelsApp, ChannelsAppError, open_regular_file};

/// The value of `pusher-app`: the name of the application, and the file with its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PusherApp {
    /// `ID:KEY`
    name: String,
    secret_file: PathBuf,
}

/// A text that is not a [`PusherApp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the value is ID:KEY:FILE, for example 1:blog:/etc/pushd/pusher.secret. Site and pages use the same id and key, and the site \
     the secret in the file, which `openssl rand -hex 32` can make"
)]
pub(crate) struct PusherAppSyntax;

/// Why there is no application, although the settings name it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PusherAppError {
    #[error("cannot read the secret of pusher-app in {}: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("pusher-app, with the secret in {}: {source}", file.display())]
    App {
        file: PathBuf,
        source: ChannelsAppError,
    },
    #[error(
        "the secret of pusher-app in {} looks like a line of .env: write the value alone, without NAME= and without quotes",
        file.display()
    )]
    Line { file: PathBuf },
}

impl PusherApp {
    pub(crate) fn secret_file(&self) -> &Path {
        &self.secret_file
    }

    /// Reads the secret.
    pub(crate) fn read(&self) -> Result<ChannelsApp, PusherAppError> {
        let file = || self.secret_file.clone();
        let secret = open_regular_file(&self.secret_file).and_then(io::read_to_string);
        let secret = secret.map_err(|source| PusherAppError::Read {
            file: file(),
            source,
        })?;
        if is_line_of_env(&secret) {
            return Err(PusherAppError::Line { file: file() });
        }
        ChannelsApp::parse(&self.name, &secret).map_err(|source| PusherAppError::App {
            file: file(),
            source,
        })
    }
}

/// Whether a text is a quoted value, or a value behind the name of a variable.
fn is_line_of_env(text: &str) -> bool {
    let is_name = |name: &str| {
        let is_name_byte = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        name.contains('_') && name.bytes().all(is_name_byte)
    };
    let has_name = text.split_once('=').is_some_and(|(name, _)| is_name(name));
    has_name || text.starts_with(['"', '\''])
}

impl FromStr for PusherApp {
    type Err = PusherAppSyntax;

    fn from_str(text: &str) -> Result<Self, PusherAppSyntax> {
        let mut colons = text.match_indices(':');
        let (end, _) = colons.nth(1).ok_or(PusherAppSyntax)?;
        let (name, file) = (&text[..end], &text[end + 1..]);
        match file.is_empty() {
            true => Err(PusherAppSyntax),
            false => Ok(Self {
                name: name.to_owned(),
                secret_file: file.into(),
            }),
        }
    }
}

impl fmt::Display for PusherApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.secret_file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_named_pipe_without_a_writer_is_an_error_at_once() {
        use std::sync::mpsc;
        use std::time::Duration;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("secret");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let app: PusherApp = format!("1:blog:{}", pipe.display()).parse().unwrap();
        let (sender, result) = mpsc::channel();
        std::thread::spawn(move || sender.send(app.read().map(drop)));
        let error = result.recv_timeout(Duration::from_secs(10)).unwrap();
        let text = error.unwrap_err().to_string();
        assert!(text.ends_with("it is not a regular file"), "{text}");
    }

    #[test]
    fn the_secret_is_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a:b");
        let text = format!("1:blog:{}", file.display());
        let app: PusherApp = text.parse().unwrap();
        assert_eq!(app.to_string(), text);
        assert_eq!(app.secret_file(), file);
        let missing = app.read().unwrap_err().to_string();
        assert!(missing.contains(&file.display().to_string()), "{missing}");
        std::fs::write(&file, "short\n").unwrap();
        assert!(matches!(app.read(), Err(PusherAppError::App { .. })));
        for text in [
            "REVERB_APP_SECRET=0123456789abcdef",
            "'0123456789abcdef'",
            "\"0123456789abcdef\"",
        ] {
            std::fs::write(&file, text).unwrap();
            assert!(
                matches!(app.read(), Err(PusherAppError::Line { .. })),
                "{text}"
            );
        }
        std::fs::write(&file, "0123456789abcdef=\n").unwrap();
        assert!(app.read().is_ok());
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        let app = app.read().unwrap();
        assert_eq!((app.id(), app.key()), ("1", "blog"));
        for text in ["", "1", "1:blog", "1:blog:"] {
            assert_eq!(text.parse::<PusherApp>(), Err(PusherAppSyntax), "{text}");
        }
    }
}

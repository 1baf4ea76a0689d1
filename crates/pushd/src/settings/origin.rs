//! Where a value comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::setting::Setting;
use crate::output::escape;

/// The source of a value. Flags override variables, which override the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    File { path: PathBuf, line: usize },
    Environment { variable: String },
    Flag { name: &'static str },
}

/// A value as it was written, and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) texts: Vec<String>,
    pub(crate) origin: Origin,
}

/// Values and their settings, in any order.
pub(super) type Values = Vec<(&'static Setting, Given)>;

/// A mistake of the operator, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    origin: Origin,
    what: String,
}

impl Mistake {
    pub(super) fn new(origin: Origin, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { origin, what }
    }

    /// Returns the line in the file. Mistakes elsewhere come after all lines.
    pub(super) fn line(&self) -> usize {
        match self.origin {
            Origin::File { line, .. } => line,
            _ => usize::MAX,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.what)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: 0 } => write!(f, "{}", shown(path)),
            Self::File { path, line } => write!(f, "{}:{line}", shown(path)),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::Flag { name } => write!(f, "flag --{name}"),
        }
    }
}

/// Formats a path for a message.
pub(super) fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy())
}

//! The documents that are installed in `share/doc/pushd`, with links that work there.
//!
//! In the repository, each document is beside the code that it describes. The installed ones are in fewer folders, and
//! most of the code is not installed. So a link leads to the installed file if there is one, and to the repository on
//! the web otherwise.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The folder of the documents, below the prefix.
pub(crate) const FOLDER: &str = "share/doc/pushd";
/// The sources of this version on the web, for files and for folders.
const FILES_ON_WEB: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/v",
    env!("CARGO_PKG_VERSION"),
    "/"
);
const FOLDERS_ON_WEB: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/tree/v",
    env!("CARGO_PKG_VERSION"),
    "/"
);

/// Each document: its path in the repository, and below [`FOLDER`].
#[rustfmt::skip]
pub(crate) const DOCUMENTS: &[(&str, &str)] = &[
    ("README.md", "README.md"),
    ("README.ja.md", "README.ja.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("crates/pushd/CHANNELS.md", "CHANNELS.md"),
    ("crates/pushd/CROSSBAR.md", "CROSSBAR.md"),
    ("crates/pushd/FAQ.md", "FAQ.md"),
    ("crates/pushd/HOSTING.md", "HOSTING.md"),
    ("crates/pushd/HTTP.md", "HTTP.md"),
    ("crates/pushd/INSTALL.md", "INSTALL.md"),
    ("crates/pushd/MIGRATING.md", "MIGRATING.md"),
    ("crates/pushd/MOVING-FROM-PUSHER.md", "MOVING-FROM-PUSHER.md"),
    ("crates/pushd/OPERATING.md", "OPERATING.md"),
    ("crates/pushd/PROXIES.md", "PROXIES.md"),
    ("crates/pushd/SPEED.md", "SPEED.md"),
    ("crates/pushd/TICKETS.md", "TICKETS.md"),
    ("crates/pushd/WEBHOOKS.md", "WEBHOOKS.md"),
    ("crates/pushd/ZEROMQ.md", "ZEROMQ.md"),
    ("crates/pushd/Dockerfile", "Dockerfile"),
    ("crates/pushd/deploy/README.md", "deploy/README.md"),
    ("crates/pushd/deploy/compose.yaml", "deploy/compose.yaml"),
    ("crates/pushd/deploy/kubernetes.yaml", "deploy/kubernetes.yaml"),
    ("crates/pushd/deploy/site/index.php", "deploy/site/index.php"),
    ("crates/pushd/monitoring/prometheus.yml", "monitoring/prometheus.yml"),
    ("crates/pushd/monitoring/pushd.rules.yml", "monitoring/pushd.rules.yml"),
    ("crates/pushd/monitoring/pushd.rules.test.yml", "monitoring/pushd.rules.test.yml"),
    ("crates/pushd/monitoring/grafana-dashboard.json", "monitoring/grafana-dashboard.json"),
    ("crates/pushd/windows/README.md", "windows/README.md"),
    ("crates/pushd/windows/README.ja.md", "windows/README.ja.md"),
    ("crates/libpusher/README.md", "libpusher/README.md"),
    ("crates/pusher-core/README.md", "pusher-core/README.md"),
    ("crates/pusher-core/js/README.md", "pusher.js/README.md"),
    ("crates/pusher-proto/PROTOCOL.md", "protocol/PROTOCOL.md"),
    ("crates/pusher-proto/src/native.md", "protocol/native.md"),
    ("crates/pusher-proto/src/spool.md", "protocol/spool.md"),
    ("php/README.md", "php/README.md"),
    ("php/DRUPAL.md", "php/DRUPAL.md"),
    ("php/FRAMEWORKS.md", "php/FRAMEWORKS.md"),
    ("php/SYMFONY.md", "php/SYMFONY.md"),
    ("php/blog/README.md", "php/blog/README.md"),
    ("php/laravel/README.md", "php/laravel/README.md"),
    ("php/stubs/pusher.stub.php", "php/stubs/pusher.stub.php"),
    ("tests/bench/results.svg", "results.svg"),
    ("tests/bench/results-memory.svg", "results-memory.svg"),
];

/// Folders that are installed as a whole.
const FOLDERS: &[(&str, &str)] = &[
    ("crates/pushd/deploy", "deploy"),
    ("crates/pushd/monitoring", "monitoring"),
];

/// Returns the content of a document, with its links changed.
pub(crate) fn text(workspace: &Workspace, path: &str) -> Result<String> {
    let text = fs::read_to_string(workspace.root.join(path)).with_context(|| path.to_owned())?;
    if !path.ends_with(".md") {
        return Ok(text);
    }
    let mut parts = text.split("](");
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (link, rest) = part
            .split_once(')')
            .with_context(|| format!("{path} has a link without an end"))?;
        let link = link_from(&workspace.root, path, link)
            .with_context(|| format!("{path} has the link {link}"))?;
        changed.push_str(&format!("]({link}){rest}"));
    }
    Ok(changed)
}

/// Returns the installed form of a link in the document `from`.
fn link_from(root: &Path, from: &str, link: &str) -> Result<String> {
    let (path, heading) = match link.find('#') {
        Some(at) => link.split_at(at),
        None => (link, ""),
    };
    if path.is_empty() || link.contains("://") {
        return Ok(link.to_owned());
    }
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let target = normal(&folder.join(path));
    let name = target.to_str().context("a path that is not UTF-8")?;
    let Some(to) = installed(name) else {
        let web = match root.join(name).is_dir() {
            true => FOLDERS_ON_WEB,
            false => FILES_ON_WEB,
        };
        return Ok(format!("{web}{name}{heading}"));
    };
    let from = installed(from).context("the document is not installed")?;
    Ok(format!(
        "{}{heading}",
        relative(Path::new(from), Path::new(to))
    ))
}

/// Returns the installed path of a file or a folder of the repository. In place of a folder, its README is opened.
fn installed(name: &str) -> Option<&'static str> {
    let readme = Path::new(name).join("README.md");
    let mut listed = DOCUMENTS.iter().chain(FOLDERS);
    let (_, to) = listed.find(|(path, _)| *path == name || Path::new(path) == readme)?;
    Some(to)
}

/// Removes `..` and `.` from a path, without the file system.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// Returns the path of `to` as a link in the file `from`. Both are relative to the same folder.
fn relative(from: &Path, to: &Path) -> String {
    let folder: Vec<_> = from
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .collect();
    let to: Vec<_> = to.components().collect();
    let common = folder.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut link: PathBuf = folder[common..]
        .iter()
        .map(|_| Component::ParentDir)
        .collect();
    link.extend(&to[common..]);
    link.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_installed_files_or_to_the_web() {
        let root = Workspace::find().unwrap().root;
        let web = |kind: &str, path: &str| {
            let (repository, version) = (env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION"));
            format!("{repository}/{kind}/v{version}/{path}")
        };
        for (from, link, expected) in [
            (
                "README.md",
                "crates/pushd/HTTP.md#a-token",
                "HTTP.md#a-token".to_owned(),
            ),
            ("crates/pushd/HTTP.md", "#a-token", "#a-token".to_owned()),
            (
                "crates/pushd/HTTP.md",
                "../../README.md",
                "README.md".to_owned(),
            ),
            (
                "crates/pushd/OPERATING.md",
                "../pusher-core",
                "pusher-core/README.md".to_owned(),
            ),
            (
                "crates/pushd/OPERATING.md",
                "monitoring",
                "monitoring".to_owned(),
            ),
            (
                "crates/pushd/OPERATING.md",
                "systemd",
                web("tree", "crates/pushd/systemd"),
            ),
            (
                "php/README.md",
                "laravel/README.md",
                "laravel/README.md".to_owned(),
            ),
            (
                "php/laravel/README.md",
                "../README.md#log-out",
                "../README.md#log-out".to_owned(),
            ),
            (
                "php/laravel/README.md",
                "js/echo.js",
                web("blob", "php/laravel/js/echo.js"),
            ),
            (
                "crates/libpusher/README.md",
                "../pusher-proto/PROTOCOL.md",
                "../protocol/PROTOCOL.md".to_owned(),
            ),
            (
                "README.md",
                "https://nginx.org/",
                "https://nginx.org/".to_owned(),
            ),
        ] {
            let found = link_from(&root, from, link).unwrap();
            assert_eq!(found, expected, "{from}: {link}");
        }
    }

    #[test]
    fn every_document_for_users_is_installed() {
        let workspace = Workspace::find().unwrap();
        // Each folder with documents that is not only for contributors.
        for folder in [".", "crates/pushd", "crates/pusher-proto", "php"] {
            for entry in fs::read_dir(workspace.root.join(folder)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let path = normal(&Path::new(folder).join(&name));
                let is_listed = DOCUMENTS.iter().any(|(from, _)| path == Path::new(from));
                let is_document =
                    name.ends_with(".md") && path != Path::new("crates/pusher-proto/README.md");
                assert!(is_listed || !is_document, "{}", path.display());
            }
        }
        for (path, _) in DOCUMENTS {
            text(&workspace, path).unwrap();
        }
    }

    /// Returns the files below a folder of the repository, with their paths in the repository.
    fn files(workspace: &Workspace, folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(workspace.root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => files.extend(self::files(workspace, &path)),
                false => files.push(path),
            }
        }
        files
    }

    #[test]
    fn every_file_of_a_folder_is_installed_in_the_same_place() {
        let workspace = Workspace::find().unwrap();
        for (folder, to) in FOLDERS {
            let files = files(&workspace, Path::new(folder));
            assert!(!files.is_empty(), "{folder}");
            for file in files {
                let place = Path::new(to).join(file.strip_prefix(folder).unwrap());
                let mut listed = DOCUMENTS.iter();
                let listed = listed.find(|(from, _)| file == Path::new(from));
                let listed = listed.map(|(_, to)| Path::new(*to));
                assert_eq!(listed, Some(&*place), "{}", file.display());
            }
        }
    }

    #[test]
    fn an_error_names_the_document() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace {
            root: root.path().to_owned(),
            ..Workspace::find().unwrap()
        };
        fs::write(root.path().join("README.md"), "[a](b").unwrap();
        let error = text(&workspace, "README.md").unwrap_err();
        assert_eq!(error.to_string(), "README.md has a link without an end");
    }
}

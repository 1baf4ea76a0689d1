//! One package: its files, and what dpkg wants to know about it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::contents::{Control, Deb};
use super::{Facts, VERSION, files, first_line, kept};
use crate::generated::output;
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

const MAINTAINER: &str = "The pushd authors <pushd@users.noreply.github.com>";
const HOMEPAGE: &str = env!("CARGO_PKG_REPOSITORY");

/// Files are bytes, `Installed-Size` is KiB.
const KIB: u64 = 1024;

impl Deb {
    /// Takes its files out of `stage` and packs them.
    pub(super) fn make(
        &self,
        workspace: &Workspace,
        facts: &Facts,
        stage: &Path,
        folder: &Path,
    ) -> Result<PathBuf> {
        step(format_args!("Packing {}", self.name));
        let work = tempfile::tempdir_in(&workspace.target)?;
        let root = work.path().join("root");
        for (from, to) in &self.files {
            take(&stage.join(from), &root.join(to))?;
        }
        self.document(workspace, facts, &root)?;
        files::set_modes(&root)?;
        let dependencies = self.dependencies(&root, work.path())?;
        self.describe(workspace, facts, &root, &dependencies)?;
        let path = folder.join(format!(
            "{}_{VERSION}_{}.deb",
            self.name, facts.architecture
        ));
        run_command(
            Command::new("dpkg-deb")
                .args(["--root-owner-group", "-Zxz", "--build"])
                .args([&root, &path])
                .env("SOURCE_DATE_EPOCH", &facts.epoch),
        )?;
        Ok(path)
    }

    /// Its license and its changes.
    fn document(&self, workspace: &Workspace, facts: &Facts, root: &Path) -> Result<()> {
        let folder = root.join("usr/share/doc").join(&self.name);
        let license = fs::read_to_string(workspace.root.join("LICENSE"))?;
        let copyright = fs::read_to_string(kept(workspace, "copyright"))?;
        let copyright = copyright.replace("@MIT@", &as_field(mit(&license)?));
        files::write(&folder.join("copyright"), &copyright, 0o644)?;
        let date = first_line(Command::new("date").args([
            "-R",
            "-u",
            "-d",
            &format!("@{}", facts.epoch),
        ]))?;
        let changes = format!(
            "pushd ({VERSION}) unstable; urgency=medium\n\n  \
             * See CHANGELOG.md in the package pushd.\n\n \
             -- {MAINTAINER}  {date}\n"
        );
        let changelog = folder.join("changelog");
        files::write(&changelog, &changes, 0o644)?;
        files::gzip(&changelog)
    }

    /// The shared libraries that its programs need, and what else.
    fn dependencies(&self, root: &Path, work: &Path) -> Result<String> {
        let mut programs = Vec::new();
        for path in files::all(root)? {
            if files::is_elf(&path)? {
                programs.push(path);
            }
        }
        let mut depends = self.depends.clone();
        if !programs.is_empty() {
            // dpkg-shlibdeps is made for source packages and wants to see one.
            let source = format!(
                "Source: pushd\n\nPackage: {}\nArchitecture: any\n",
                self.name
            );
            files::write(&work.join("debian/control"), &source, 0o644)?;
            let mut shlibdeps = Command::new("dpkg-shlibdeps");
            let found = output(shlibdeps.arg("-O").args(&programs).current_dir(work))?;
            let (_, libraries) = found.trim().split_once('=').context("no dependencies")?;
            depends.insert(0, libraries.to_owned());
        }
        Ok(depends.join(", "))
    }

    /// What is in `DEBIAN`.
    fn describe(
        &self,
        workspace: &Workspace,
        facts: &Facts,
        root: &Path,
        dependencies: &str,
    ) -> Result<()> {
        let folder = root.join("DEBIAN");
        let mut sums = String::new();
        let mut len = 0;
        for path in files::all(root)? {
            len += fs::symlink_metadata(&path)?.len().div_ceil(KIB);
            if path.is_symlink() {
                continue;
            }
            let sum = first_line(Command::new("md5sum").arg(&path))?;
            let (sum, _) = sum.split_once(' ').context("md5sum says nothing")?;
            writeln!(sums, "{sum}  {}", path.strip_prefix(root)?.display())?;
        }
        files::write(&folder.join("md5sums"), &sums, 0o644)?;
        files::write(
            &folder.join("control"),
            &self.control(facts, dependencies, len),
            0o644,
        )?;
        if !self.conffiles.is_empty() {
            let list = self.conffiles.iter().map(|path| format!("{path}\n"));
            files::write(&folder.join("conffiles"), &list.collect::<String>(), 0o644)?;
        }
        for (name, control) in &self.control {
            let path = folder.join(name);
            match control {
                Control::Text(text) => files::write(&path, text, 0o644)?,
                Control::Script(script) => {
                    let text = fs::read_to_string(kept(workspace, script))?;
                    files::write(&path, &text.replace("@PHP@", &facts.php.version), 0o755)?;
                }
            }
        }
        Ok(())
    }

    fn control(&self, facts: &Facts, dependencies: &str, len: u64) -> String {
        let mut fields = vec![
            ("Package", self.name.clone()),
            ("Source", "pushd".to_owned()),
            ("Version", VERSION.to_owned()),
            ("Architecture", facts.architecture.clone()),
            ("Maintainer", MAINTAINER.to_owned()),
            ("Installed-Size", len.to_string()),
            ("Depends", dependencies.to_owned()),
            ("Section", self.section.to_owned()),
            ("Priority", "optional".to_owned()),
            ("Homepage", HOMEPAGE.to_owned()),
        ];
        fields.extend(self.fields.iter().cloned());
        if self.name == "pushd" {
            fields.retain(|(name, _)| *name != "Source");
        }
        fields.push(("Description", self.description.replace('\n', "\n ")));
        fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect()
    }
}

/// Moves a file or a folder.
fn take(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to).with_context(|| format!("can't take {}", from.display()))
}

/// The MIT license, from its permission on, out of the file with both.
fn mit(license: &str) -> Result<&str> {
    let from = license
        .find("Permission is hereby granted")
        .context("no MIT license")?;
    let text = &license[from..];
    let end = text.find("\n----").context("no end of the MIT license")?;
    Ok(text[..end].trim())
}

/// Text in a field that goes on: a blank before each line, a dot in empty ones.
fn as_field(text: &str) -> String {
    let lines = text.lines().map(|line| match line {
        "" => " .".to_owned(),
        line => format!(" {line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_goes_on_in_lines_that_begin_with_a_blank() {
        assert_eq!(as_field("one\n\ntwo"), " one\n .\n two");
    }

    #[test]
    fn the_mit_license_ends_where_the_next_begins() {
        let text = "x\nPermission is hereby granted, free\n\nEND.\n\n-----\n\nApache";
        assert_eq!(
            mit(text).unwrap(),
            "Permission is hereby granted, free\n\nEND."
        );
    }
}

//! A private Apache with mod_php in prefork mode. Its configuration, pid file and logs are in a temporary folder.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, os::unix::fs::PermissionsExt};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::http;
use crate::process::{Background, run, wait_until};

const PROGRAM: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";
/// User of the processes that serve pages if root starts Apache. Apache refuses to serve pages as root.
const USER: &str = "www-data";
/// Limit for the time from start to first answer.
const READY_MS: u64 = 15_000;

/// Returns the group of the processes that serve pages, if root starts Apache. Otherwise they have this user's groups.
pub fn group() -> Option<u32> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let user = nix::unistd::User::from_name(USER).ok().flatten()?;
    Some(user.gid.as_raw())
}

/// A web application and its settings.
#[derive(Debug)]
pub struct Site<'a> {
    /// The application's folder. It is copied, so that the server's user may read and write it.
    pub application: &'a Path,
    /// The document root, relative to the application's folder.
    pub docroot: &'a str,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// Lines for php.ini.
    pub ini: &'a [String],
    /// Environment variables of the pages.
    pub environment: &'a [(&'a str, String)],
    /// The number of processes that serve pages, all of them from the start. `None`: as many as the requests need, at
    /// most 16.
    pub children: Option<u32>,
}

/// A running Apache; it is stopped when this value is dropped.
#[derive(Debug)]
pub struct Apache {
    /// The server's first process: its children end with it.
    pub process: Background,
    /// The address of the server.
    pub address: SocketAddr,
    folder: TempDir,
}

impl Apache {
    /// Writes the configuration, starts Apache and waits until it answers.
    pub fn start(site: &Site<'_>) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("pusher-apache-")
            .tempdir()?;
        prepare(folder.path(), site)?;
        let process = Background::start("Apache", &mut command(folder.path()))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, site.port));
        let mut apache = Self {
            process,
            address,
            folder,
        };
        apache.wait_until_ready()?;
        Ok(apache)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let mut ended = None;
        let ready = wait_until(READY_MS, || {
            ended = self.process.exited().ok().flatten();
            ended.is_some()
                || (self.process.listens(self.address.port())
                    && http::get(self.address, "/").is_ok())
        });
        match ended {
            Some(status) => bail!("Apache ended at once ({status}); its log:\n{}", self.log()),
            None if !ready => bail!(
                "Apache does not answer on {} after {READY_MS} ms; its log:\n{}",
                self.address,
                self.log()
            ),
            None => Ok(()),
        }
    }

    /// Returns the folder with the copy of the application.
    pub fn application(&self) -> PathBuf {
        self.folder.path().join("application")
    }

    /// Returns the logs of Apache and PHP so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("-f")
        .arg(folder.join("apache.conf"))
        .arg("-DFOREGROUND")
        .stdin(Stdio::null())
        .env_remove("LD_LIBRARY_PATH");
    command
}

fn prepare(folder: &Path, site: &Site<'_>) -> Result<()> {
    // A temporary folder is private to its owner. The server's user must be able to enter it.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let application = folder.join("application");
    run(Command::new("cp")
        .arg("-rT")
        .arg(site.application)
        .arg(&application))
    .context("can't copy the application")?;
    if nix::unistd::geteuid().is_root() {
        run(Command::new("chown").args(["-R", USER]).arg(&application))?;
    }
    fs::write(folder.join("php.ini"), site.ini.join("\n") + "\n")?;
    fs::write(folder.join("apache.conf"), configuration(folder, site))?;
    Ok(())
}

fn configuration(folder: &Path, site: &Site<'_>) -> String {
    let folder = folder.display();
    let mut text = format!(
        "ServerRoot \"{folder}\"\n\
         PidFile \"{folder}/apache.pid\"\n\
         Mutex \"file:{folder}\"\n\
         ErrorLog \"{folder}/error.log\"\n\
         ServerName 127.0.0.1\n\
         Listen 127.0.0.1:{port}\n",
        port = site.port
    );
    for (module, file) in [
        ("mpm_prefork", "mod_mpm_prefork"),
        ("authz_core", "mod_authz_core"),
        ("dir", "mod_dir"),
        ("env", "mod_env"),
        ("mime", "mod_mime"),
        ("php", "libphp8.2"),
    ] {
        // Writing to a String can't fail.
        let _ = writeln!(text, "LoadModule {module}_module {MODULES}/{file}.so");
    }
    for (name, value) in site.environment {
        let _ = writeln!(text, "SetEnv {name} \"{value}\"");
    }
    let _ = write!(
        text,
        "User {USER}\n\
         Group {USER}\n\
         StartServers {start}\n\
         MinSpareServers {spare}\n\
         MaxSpareServers {max}\n\
         MaxRequestWorkers {max}\n\
         TypesConfig /etc/mime.types\n\
         PHPIniDir \"{folder}\"\n\
         DocumentRoot \"{folder}/application/{docroot}\"\n\
         DirectoryIndex index.php index.html\n\
         <Directory \"{folder}/application\">\n  Require all granted\n</Directory>\n\
         <FilesMatch \"\\.php$\">\n  SetHandler application/x-httpd-php\n</FilesMatch>\n",
        docroot = site.docroot,
        start = site.children.unwrap_or(2),
        spare = site.children.unwrap_or(1),
        max = site.children.unwrap_or(16),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apache_stays_in_its_folder_and_on_loopback() {
        let site = Site {
            application: Path::new("/srv/blog"),
            docroot: "public",
            port: 8123,
            ini: &[],
            environment: &[("BLOG", "x".to_owned())],
            children: None,
        };
        let text = configuration(Path::new("/tmp/there"), &site);
        assert!(text.contains("Listen 127.0.0.1:8123\n"));
        assert!(text.contains("DocumentRoot \"/tmp/there/application/public\"\n"));
        assert!(text.contains("PHPIniDir \"/tmp/there\"\n"));
        assert!(text.contains("SetEnv BLOG \"x\"\n"));
        for directive in ["PidFile", "ErrorLog", "ServerRoot"] {
            assert!(
                text.contains(&format!("{directive} \"/tmp/there")),
                "{directive}"
            );
        }
    }
}

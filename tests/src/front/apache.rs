//! Debian's Apache.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::config::{Ports, USER};

const PROGRAM: &str = "/usr/sbin/apache2";
const FILE: &str = "apache.conf";
const FOLDER: &str = "/usr/lib/apache2/modules";

/// The modules that `a2enmod proxy proxy_http` enables.
pub const PROXY_MODULES: &[&str] = &["proxy", "proxy_http"];

/// Apache's multi-processing modules.
#[derive(Debug, Clone, Copy)]
pub enum Mpm {
    /// Threads: the default, here with HTTP/2.
    Event,
    /// Processes, which mod_php requires.
    Prefork,
}

pub(super) fn write(folder: &Path, ports: Ports, mpm: Mpm, modules: &[&str], lines: &str) {
    let text = configuration(folder, ports, mpm, modules, lines);
    fs::write(folder.join(FILE), text).expect("a file can be written");
}

pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("-f").arg(folder.join(FILE)).arg("-DFOREGROUND");
    command
}

/// Returns the configuration of a site with Debian's default modules and shorter request timeouts.
fn configuration(folder: &Path, ports: Ports, mpm: Mpm, modules: &[&str], lines: &str) -> String {
    let Ports { https, http } = ports;
    let folder = folder.display();
    let (mpm, protocols) = match mpm {
        Mpm::Event => (&["mpm_event", "http2"][..], "Protocols h2 http/1.1"),
        Mpm::Prefork => (&["mpm_prefork"][..], ""),
    };
    let usual = ["alias", "authz_core", "dir", "mime", "reqtimeout", "ssl"];
    let modules: String = mpm
        .iter()
        .chain(&usual)
        .chain(modules)
        .map(|module| format!("LoadModule {module}_module {FOLDER}/mod_{module}.so\n"))
        .collect();
    format!(
        "ServerRoot \"{folder}\"\n\
         PidFile \"{folder}/apache.pid\"\n\
         Mutex \"file:{folder}\"\n\
         ErrorLog \"{folder}/error.log\"\n\
         LogLevel info\n\
         ServerName localhost\n\
         Listen 127.0.0.1:{http}\n\
         Listen 127.0.0.1:{https}\n\
         {modules}\
         User {USER}\n\
         Group {USER}\n\
         {protocols}\n\
         TypesConfig /etc/mime.types\n\
         SSLSessionCache none\n\
         RequestReadTimeout header=1-2,MinRate=500\n\
         RequestReadTimeout body=1,MinRate=500\n\
         DocumentRoot \"{folder}/site\"\n\
         <Directory \"{folder}/site\">\n  Require all granted\n</Directory>\n\
         <VirtualHost *:{http}>\n\
         Redirect permanent / https://localhost:{https}/\n\
         </VirtualHost>\n\
         <VirtualHost *:{https}>\n\
         SSLEngine on\n\
         SSLCertificateFile \"{folder}/certificate.pem\"\n\
         SSLCertificateKeyFile \"{folder}/key.pem\"\n\
         {lines}\n\
         </VirtualHost>\n"
    )
}

//! Debian's Caddy.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::config::Ports;

const PROGRAM: &str = "/usr/bin/caddy";
const FILE: &str = "Caddyfile";

pub(super) fn write(folder: &Path, ports: Ports, lines: &str) {
    let text = configuration(folder, ports, lines);
    fs::write(folder.join(FILE), text).expect("a file can be written");
}

pub(super) fn command(folder: &Path) -> Command {
    caddy(folder, "run")
}

/// Returns the command that `systemctl reload caddy` runs, for this Caddy's own socket.
pub(super) fn reload_command(folder: &Path) -> Command {
    let mut command = caddy(folder, "reload");
    command.args(["--force", "--address"]).arg(admin(folder));
    command
}

fn caddy(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args([name, "--adapter", "caddyfile", "--config"])
        .arg(folder.join(FILE))
        // For the files that it keeps.
        .env("XDG_CONFIG_HOME", folder)
        .env("XDG_DATA_HOME", folder);
    command
}

fn admin(folder: &Path) -> String {
    format!("unix/{}/admin.sock", folder.display())
}

/// Returns the configuration of a site with files, compression and pages for errors.
fn configuration(folder: &Path, ports: Ports, lines: &str) -> String {
    let Ports { https, http } = ports;
    let admin = admin(folder);
    let folder = folder.display();
    format!(
        "{{\n\
         admin {admin}\n\
         auto_https disable_redirects\n\
         http_port {http}\n\
         https_port {https}\n\
         }}\n\
         https://localhost:{https} {{\n\
         bind 127.0.0.1\n\
         tls {folder}/certificate.pem {folder}/key.pem\n\
         root * {folder}/site\n\
         encode gzip\n\
         {lines}\n\
         file_server\n\
         handle_errors {{\n\
         respond \"{{http.error.status_code}} {{http.error.status_text}}\"\n\
         }}\n\
         }}\n\
         http://localhost:{http} {{\n\
         bind 127.0.0.1\n\
         redir https://localhost:{https}{{uri}} permanent\n\
         }}\n"
    )
}

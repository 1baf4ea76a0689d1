//! Debian's nginx.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::config::{Ports, USER};

const PROGRAM: &str = "/usr/sbin/nginx";
const FILE: &str = "nginx.conf";

pub(super) fn write(folder: &Path, ports: Ports, lines: &str) {
    let text = configuration(folder, ports, lines);
    fs::write(folder.join(FILE), text).expect("a file can be written");
}

pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    // nginx writes its first messages to this file too, and not to the machine's log.
    command
        .arg("-e")
        .arg(folder.join("error.log"))
        .arg("-c")
        .arg(folder.join(FILE));
    command
}

/// Returns the configuration of a site with HTTP/2 and a location for scripts, which many sites have.
fn configuration(folder: &Path, ports: Ports, lines: &str) -> String {
    let user = if nix::unistd::geteuid().is_root() {
        format!("user {USER};")
    } else {
        String::new()
    };
    let Ports { https, http } = ports;
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "daemon off;\n\
         {user}\n\
         worker_processes 1;\n\
         pid {folder}/nginx.pid;\n\
         error_log {folder}/error.log info;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n\
         {temporary}\
         \x20 access_log off;\n\
         \x20 include /etc/nginx/mime.types;\n\
         \x20 root {folder}/site;\n\
         \x20 server {{\n\
         \x20   listen 127.0.0.1:{http};\n\
         \x20   location / {{ return 301 https://localhost:{https}$request_uri; }}\n\
         \x20 }}\n\
         \x20 server {{\n\
         \x20   listen 127.0.0.1:{https} ssl http2;\n\
         \x20   server_name localhost;\n\
         \x20   ssl_certificate {folder}/certificate.pem;\n\
         \x20   ssl_certificate_key {folder}/key.pem;\n\
         \x20   location ~* \\.(js|css)$ {{ expires 1h; }}\n\
         {lines}\n\
         \x20 }}\n\
         }}\n"
    )
}

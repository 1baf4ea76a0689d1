//! Debian's HAProxy.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::config::{Ports, USER};

const PROGRAM: &str = "/usr/sbin/haproxy";
const FILE: &str = "haproxy.cfg";
/// Certificate and key in one file, as HAProxy reads them.
const BUNDLE: &str = "bundle.pem";

pub(super) fn write(folder: &Path, ports: Ports, lines: &str) {
    let bundle = ["certificate.pem", "key.pem"]
        .map(|name| fs::read_to_string(folder.join(name)).expect("a file can be read"))
        .concat();
    fs::write(folder.join(BUNDLE), bundle).expect("a file can be written");
    let text = configuration(folder, ports, lines);
    fs::write(folder.join(FILE), text).expect("a file can be written");
}

/// Returns a command that starts a master and its worker, as Debian's service does.
pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["-W", "-f"]).arg(folder.join(FILE));
    command
}

/// Returns the configuration of a site with HTTP/2, compression and short timeouts. `lines` are the end of its frontend.
fn configuration(folder: &Path, ports: Ports, lines: &str) -> String {
    let user = if nix::unistd::geteuid().is_root() {
        format!("user {USER}\ngroup {USER}")
    } else {
        String::new()
    };
    let Ports { https, http } = ports;
    let folder = folder.display();
    format!(
        "global\n\
         log stderr format raw local0 info\n\
         {user}\n\
         defaults\n\
         log global\n\
         mode http\n\
         option httplog\n\
         compression algo gzip\n\
         timeout connect 2s\n\
         timeout client 2s\n\
         timeout server 2s\n\
         frontend plain\n\
         bind 127.0.0.1:{http}\n\
         http-request redirect prefix https://localhost:{https} code 301\n\
         backend site\n\
         http-request return status 200 content-type text/html file {folder}/site/index.html if {{ path / }}\n\
         http-request return status 404 default-errorfiles\n\
         frontend site\n\
         bind 127.0.0.1:{https} ssl crt {folder}/{BUNDLE} alpn h2,http/1.1\n\
         default_backend site\n\
         {lines}\n"
    )
}

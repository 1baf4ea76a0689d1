//! Several pushds that share one log in Redis, behind a load balancer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use tempfile::TempDir;

use super::daemon::{READY_MS, daemon, wait_for};
use super::port::{Port, local, name_taken_port};
use crate::args::Demo;
use crate::process::{Background, wait_until};
use crate::workspace::Workspace;

const NGINX: &str = "/usr/sbin/nginx";

/// Redis, the nodes and the load balancer. The fields are dropped in this order.
pub(super) struct Nodes {
    balancer: Background,
    daemons: Vec<Background>,
    redis: Background,
    _folder: TempDir,
}

impl Nodes {
    /// Starts all of them, and waits until they answer. Browsers connect to the load balancer at `push_port`.
    pub(super) fn start(workspace: &Workspace, options: &Demo, flags: &[String]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pushd-demo-").tempdir()?;
        // The workers of nginx have a user of their own, if root starts it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let socket = folder.path().join("redis.sock");
        let redis = start_redis(folder.path(), &socket)?;
        let redis_flag = format!("--redis=unix://{}", socket.display());
        let flags = [&[redis_flag, "--trust-proxy=loopback".to_owned()], flags].concat();
        let mut daemons = Vec::new();
        for (public, publish) in ports(options) {
            let name = format!("pushd at {publish}");
            daemons.push(daemon(workspace, &name, public, publish, &flags)?);
        }
        fs::write(
            folder.path().join("nginx.conf"),
            balancing(folder.path(), options),
        )?;
        let mut command = Command::new(NGINX);
        command
            .arg("-e")
            .arg(folder.path().join("nginx.log"))
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .stdin(Stdio::null())
            .env_remove("LD_LIBRARY_PATH");
        let mut balancer = Background::start("nginx", &mut command)?;
        let ready = wait_for(&mut balancer, local(options.push_port), "/pusher.js");
        let balancer = name_taken_port(ready, balancer, &[Port::push(options.push_port)])?;
        Ok(Self {
            balancer,
            daemons,
            redis,
            _folder: folder,
        })
    }

    pub(super) fn processes(&mut self) -> Vec<&mut Background> {
        let mut processes = vec![&mut self.balancer, &mut self.redis];
        processes.extend(&mut self.daemons);
        processes
    }
}

/// Returns the ports of the nodes, for browsers and for publishers. They follow those of the options.
pub(super) fn ports(options: &Demo) -> impl Iterator<Item = (u16, u16)> {
    let first = options.push_port + 1..;
    first.zip(options.publish_port..).take(options.nodes.into())
}

fn start_redis(folder: &Path, socket: &Path) -> Result<Background> {
    let mut command = Command::new("redis-server");
    command
        .args(["--port", "0", "--save", "", "--unixsocket"])
        .arg(socket)
        .arg("--dir")
        .arg(folder)
        .arg("--logfile")
        .arg(folder.join("redis.log"))
        .stdin(Stdio::null())
        .env_remove("LD_LIBRARY_PATH");
    let mut redis = Background::start("Redis", &mut command)?;
    let mut ended = None;
    let answers = wait_until(READY_MS, || {
        ended = redis.exited().ok().flatten();
        ended.is_some() || UnixStream::connect(socket).is_ok()
    });
    match ended {
        Some(status) => bail!("Redis ended at once: {status}"),
        None if !answers => bail!("Redis does not accept connections after {READY_MS} ms"),
        None => Ok(redis),
    }
}

/// Returns the configuration of nginx as the load balancer.
fn balancing(folder: &Path, options: &Demo) -> String {
    let user = match nix::unistd::geteuid().is_root() {
        true => "user www-data;\n",
        false => "",
    };
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {folder}/{name};\n"))
        .concat();
    let servers: String = ports(options)
        .map(|(public, _)| format!("    server {};\n", local(public)))
        .collect();
    let port = options.push_port;
    format!(
        "daemon off;\n\
         {user}\
         worker_processes 1;\n\
         pid {folder}/nginx.pid;\n\
         error_log {folder}/nginx.log;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n\
         {temporary}\
         \x20 access_log off;\n\
         \x20 upstream pushd {{\n\
         {servers}\
         \x20 }}\n\
         \x20 server {{\n\
         \x20   listen 127.0.0.1:{port};\n\
         \x20   location / {{\n\
         \x20     proxy_pass http://pushd;\n\
         \x20     proxy_http_version 1.1;\n\
         \x20     proxy_set_header Upgrade $http_upgrade;\n\
         \x20     proxy_set_header Connection upgrade;\n\
         \x20     proxy_set_header Host $http_host;\n\
         \x20     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
         \x20     proxy_read_timeout 90s;\n\
         \x20   }}\n\
         \x20 }}\n\
         }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_those_of_the_options() {
        let options = Demo {
            nodes: 3,
            ..Demo::default()
        };
        let expected = [(8081, 5555), (8082, 5556), (8083, 5557)];
        assert_eq!(ports(&options).collect::<Vec<_>>(), expected);
    }
}

//! The ports of the demo. If another program listens on one, the error names the option that chooses another port.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

use crate::process::Background;

/// A port that the demo needs.
pub(super) struct Port {
    port: u16,
    /// The option of the demo that chooses it.
    flag: &'static str,
    /// The part that listens on it.
    name: &'static str,
}

impl Port {
    pub(super) fn web(port: u16) -> Self {
        let (flag, name) = ("--web-port", "the blog");
        Self { port, flag, name }
    }

    pub(super) fn push(port: u16) -> Self {
        let (flag, name) = ("--push-port", "pushd's public listener");
        Self { port, flag, name }
    }

    pub(super) fn publish(port: u16) -> Self {
        let (flag, name) = ("--publish-port", "pushd's publish listener");
        Self { port, flag, name }
    }

    /// Fails if another program has the port.
    pub(super) fn check(&self) -> Result<()> {
        let Self { port, flag, name } = self;
        match TcpListener::bind(local(*port)) {
            Ok(_) => Ok(()),
            Err(error) => {
                bail!("{name} can't use port {port}: {error}. Choose another one with {flag} N")
            }
        }
    }
}

/// Returns a part that is ready. If it failed because another program took one of its ports, the error names the demo's
/// option. The part's own error names its own option.
pub(super) fn name_taken_port(
    ready: Result<()>,
    part: Background,
    ports: &[Port],
) -> Result<Background> {
    let Err(error) = ready else {
        return Ok(part);
    };
    // It may have some of the ports.
    drop(part);
    ports.iter().try_for_each(Port::check)?;
    Err(error)
}

/// Returns the address of a port on this machine.
pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_part_that_finds_its_port_taken_fails_with_the_flag() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let failed = || Err(anyhow::anyhow!("part ended at once"));
        let part = || Background::start("part", Command::new("sleep").arg("60")).unwrap();
        let error = name_taken_port(failed(), part(), &[Port::push(port)]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("can't use port {port}")), "{text}");
        assert!(text.contains("--push-port"), "{text}");
        let other = name_taken_port(failed(), part(), &[]).unwrap_err();
        assert_eq!(other.to_string(), "part ended at once");
    }
}

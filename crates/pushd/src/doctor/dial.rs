//! From a name to a connection: DNS, TCP, TLS.

use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::report::Fault;
use super::target::Target;
use super::{certificate, diagnosis};

/// Most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;
/// How long it may take to find out more about a fault.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// More than this is not read of a greeting, in bytes.
const GREETING_LEN_MAX: usize = 1024;

/// A connection, encrypted or not.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// The way to the web server, for more than one connection.
pub(super) struct Route {
    pub(super) target: Target,
    pub(super) address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Until when the certificate is good, which was shown first.
    not_after: OnceLock<SystemTime>,
}

/// The addresses of the host, IPv6 or IPv4 first as the system prefers.
pub(super) async fn look_up(target: &Target) -> Result<(Vec<SocketAddr>, String), Fault> {
    let host = &target.host;
    let found = resolve(host.clone(), target.port).await;
    let mut addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses,
        Err(error) => {
            let todo = "Is the name spelled as in the browser? A new name needs an A or AAAA record at the \
                        provider, and up to a day until everybody sees it; /etc/hosts counts for this machine only.";
            return Err(Fault::new(
                "dns",
                format!("{host} has no address: {error}"),
                todo,
            ));
        }
    };
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    let shown: Vec<_> = addresses
        .iter()
        .map(|address| address.ip().to_string())
        .collect();
    Ok((addresses, format!("{host} is {}", shown.join(", "))))
}

/// Asks the system, on a thread of its own: tokio's `lookup_host` panics where no thread can be started.
async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let (give, found) = oneshot::channel();
    thread::Builder::new()
        .name("resolver".to_owned())
        .spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            let _given = give.send(found.map(Iterator::collect));
        })
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot start a thread to look: {error}"),
            )
        })?;
    let found = found.await;
    found.unwrap_or_else(|_| Err(io::Error::other("the look-up panicked")))
}

/// Connects to the first address that answers, as a browser does in the end.
pub(super) async fn connect(
    addresses: Vec<SocketAddr>,
    each: Duration,
) -> Result<((TcpStream, SocketAddr), String), Fault> {
    let mut failed = String::new();
    // Of several addresses, one to which there is no way says the least, and one that is silent the most.
    let (mut is_refused, mut is_silent) = (false, false);
    for address in addresses {
        let error = match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let what = format!("{address} takes connections{failed}");
                return Ok(((stream, address), what));
            }
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(ErrorKind::TimedOut, format!("no answer for {each:?}")),
        };
        match error.kind() {
            ErrorKind::ConnectionRefused => is_refused = true,
            ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::AddrNotAvailable => {}
            _ => is_silent = true,
        }
        // Writing to a String can't fail.
        let _ = write!(failed, "; not {address}: {error}");
    }
    let what = failed.trim_start_matches("; not ").to_owned();
    Err(if is_refused && !is_silent {
        let todo = "The machine is there, and no program listens on the port: is the web server (or, without one, \
                    pushd) running, and on this port? `ss -ltn` lists what listens, and 127.0.0.1 there means that \
                    only the machine itself can connect.";
        Fault::new("tcp-refused", what, todo)
    } else if !is_silent {
        let todo = "This machine has no way there. An IPv6 address needs a machine with IPv6 (`ip -6 route`), which not \
                    all visitors have: give the name an A record too. Else the network is down, the address is private to \
                    another one, or a firewall answers in its place.";
        Fault::new("tcp-unreachable", what, todo)
    } else {
        let todo = "A firewall swallows the connection, or the address is another machine's: open the port in the \
                    firewall (of the provider, too), and compare the address with this machine's.";
        Fault::new("tcp-timeout", what, todo)
    })
}

impl Route {
    /// The way to the target at this address. Fails if the certificates that this machine trusts
    /// can't be read.
    pub(super) fn new(target: Target, address: SocketAddr) -> Result<Self, Fault> {
        let tls = match target.tls {
            true => Some(connector(&target)?),
            false => None,
        };
        Ok(Self {
            target,
            address,
            tls,
            not_after: OnceLock::new(),
        })
    }

    /// Encrypts the first connection, and looks at the certificate.
    pub(super) async fn encrypt(
        &self,
        stream: TcpStream,
    ) -> Result<(Box<dyn Wire>, String), Fault> {
        let Some((connector, name)) = &self.tls else {
            return Ok((Box::new(stream), String::new()));
        };
        match connector.connect(name.clone(), stream).await {
            Ok(stream) => {
                let session = stream.get_ref().1;
                let shown = session.peer_certificates().and_then(<[_]>::first);
                if let Some(not_after) = shown.and_then(|shown| pusher_core::not_after(shown)) {
                    self.not_after.get_or_init(|| not_after);
                }
                let version = session.protocol_version();
                let version = version
                    .and_then(|version| version.as_str())
                    .unwrap_or("TLS");
                let what = format!(
                    "the certificate is good for {} ({version})",
                    self.target.host
                );
                Ok((Box::new(stream), what))
            }
            Err(error) if certificate::is_no_tls(&error) => {
                let full = diagnosis::of_full(&self.greeting().await);
                Err(full.unwrap_or_else(|| certificate::diagnose(&error, &self.target)))
            }
            Err(error) => Err(certificate::diagnose(&error, &self.target)),
        }
    }

    /// Until when the certificate is good, if there is one that says so.
    pub(super) fn not_after(&self) -> Option<SystemTime> {
        self.not_after.get().copied()
    }

    /// One more connection.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let stream = TcpStream::connect(self.address).await?;
        Ok(match &self.tls {
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        })
    }

    /// What comes from a server that does not wait to be asked, be it by TLS: a pushd that is full.
    pub(super) async fn greeting(&self) -> String {
        let mut bytes = [0; GREETING_LEN_MAX];
        let read = timeout(PROBE_TIMEOUT, async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.read(&mut bytes).await
        });
        let len = read.await.ok().and_then(Result::ok).unwrap_or_default();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    /// Whether the port speaks TLS although the address does not say so.
    pub(super) async fn speaks_tls(&self) -> bool {
        let target = Target {
            tls: true,
            ..self.target.clone()
        };
        let Ok(route) = Self::new(target, self.address) else {
            return false;
        };
        match timeout(PROBE_TIMEOUT, route.connect()).await {
            Ok(Ok(_)) => true,
            // It has shown a certificate: whether it is good is another question.
            Ok(Err(error)) => certificate::is_about_certificate(&error),
            Err(_) => false,
        }
    }
}

fn connector(target: &Target) -> Result<(TlsConnector, ServerName<'static>), Fault> {
    let name = ServerName::try_from(target.host.clone()).map_err(|_| {
        let what = format!("{:?} is no name that a certificate can have", target.host);
        Fault::new("tls-name", what, "Use the name that visitors use.")
    })?;
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let todo = "Install them (Debian: `apt-get install ca-certificates`), or name a file in SSL_CERT_FILE.";
        return Err(Fault::new(
            "no-roots",
            "this machine has no certificates of issuers",
            todo,
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::new("tls", error.to_string(), ""))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    // What browsers offer for a WebSocket: an answer in HTTP/2 would be no use.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// An error with its causes, for those that keep the best for the end.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            // Writing to a String can't fail.
            let _ = write!(text, ": {next}");
        }
        cause = error.source();
    }
    text
}

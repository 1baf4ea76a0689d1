//! Explains why a TLS handshake failed.

use std::io::{self, ErrorKind};
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::AlertDescription as Alert;
use tokio_rustls::rustls::CertificateError as Certificate;
use tokio_rustls::rustls::Error as Tls;

use super::fault::Fault;
use crate::client::Target;
use crate::expiry::{Lasts, days};

const RENEW: &str = "Renew it, and have the web server load it: `certbot renew`, then `systemctl reload nginx` (or \
                     apache2). Many certificates expire because the web server was not reloaded.";

/// Explains the error of a TLS handshake.
pub(super) fn diagnose(error: &io::Error, target: &Target) -> Fault {
    let (host, port) = (&target.host, target.port);
    match tls_error(error) {
        Some(Tls::InvalidCertificate(certificate)) => about_certificate(certificate, host),
        Some(Tls::InvalidMessage(_)) => {
            let plain = Target {
                tls: false,
                ..target.clone()
            };
            let todo = format!(
                "Use {} if the site has no encryption. Otherwise switch HTTPS on in the web server for this port \
                 (nginx: `listen {port} ssl`; Apache: `SSLEngine on`).",
                plain.url()
            );
            Fault::new("not-tls", format!("port {port} does not speak TLS"), todo)
        }
        Some(Tls::AlertReceived(Alert::NoApplicationProtocol)) => Fault::new(
            "tls-refused",
            format!("port {port} does not speak HTTP/1.1, which browsers use to open WebSockets"),
            "Does it speak HTTP/2 only? Enable HTTP/1.1 there too, in the web server or in the proxy before it.",
        ),
        Some(Tls::AlertReceived(alert)) => {
            let todo = format!(
                "Does the web server have a virtual host with a certificate for {host} (server_name, ServerName)? Its \
                 error log says more."
            );
            Fault::new(
                "tls-refused",
                format!("the web server refuses TLS: {alert:?}"),
                todo,
            )
        }
        _ if matches!(
            error.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
        ) =>
        {
            Fault::new(
                "tls-closed",
                format!("port {port} closes the connection during the TLS handshake"),
                "Does a web server with HTTPS listen there? Its error log says more.",
            )
        }
        _ => Fault::new(
            "tls",
            format!("the TLS handshake failed: {error}"),
            "The web server's error log may say more.",
        ),
    }
}

/// Checks that a valid certificate does not expire soon.
pub(super) fn lasts(not_after: SystemTime) -> Result<((), String), Fault> {
    match Lasts::at(SystemTime::now(), not_after) {
        Lasts::Long(left) => Ok(((), format!("the certificate is valid for {}", days(left)))),
        short => {
            let what = short.warning().unwrap_or_default();
            Err(Fault::new("certificate-ends-soon", what, RENEW))
        }
    }
}

/// Returns whether the server presented a certificate, valid or not.
pub(super) fn is_about_certificate(error: &io::Error) -> bool {
    matches!(tls_error(error), Some(Tls::InvalidCertificate(_)))
}

/// Returns whether the server does not speak TLS.
pub(super) fn is_no_tls(error: &io::Error) -> bool {
    matches!(tls_error(error), Some(Tls::InvalidMessage(_)))
}

fn tls_error(error: &io::Error) -> Option<&Tls> {
    error.get_ref()?.downcast_ref::<Tls>()
}

fn about_certificate(certificate: &Certificate, host: &str) -> Fault {
    match certificate {
        Certificate::Expired => {
            Fault::new("certificate-expired", "the certificate has expired", RENEW)
        }
        Certificate::ExpiredContext { time, not_after } => {
            let passed = time.as_secs().saturating_sub(not_after.as_secs());
            let passed = days(Duration::from_secs(passed));
            let what = format!("the certificate expired {passed} ago");
            Fault::new("certificate-expired", what, RENEW)
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => Fault::new(
            "certificate-not-yet-valid",
            "the certificate is not valid yet",
            "Is the clock of this machine right (`timedatectl`)?",
        ),
        Certificate::NotValidForNameContext { presented, .. } => {
            let what = format!(
                "the certificate is not for {host} but for {}",
                names(presented)
            );
            Fault::new("certificate-name", what, wrong_name(host))
        }
        Certificate::NotValidForName => {
            let what = format!("the certificate is not for {host}");
            Fault::new("certificate-name", what, wrong_name(host))
        }
        // The issuer is unknown, or has the name of a known one but another key, or the certificate is self-signed.
        Certificate::UnknownIssuer
        | Certificate::BadSignature
        | Certificate::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        | Certificate::Other(_) => Fault::new(
            "certificate-issuer",
            "the certificate is from an issuer that this machine does not trust",
            "If the issuer is public, the web server does not send the intermediate certificate: configure the whole chain \
             (certbot's fullchain.pem in nginx's ssl_certificate, Apache's SSLCertificateFile). If the certificate is \
             self-signed, browsers refuse it: get one from a public issuer (Let's Encrypt is free), or install its issuer \
             on every visitor's machine. To check the rest with a certificate for tests, use --ca-certificate.",
        ),
        other => Fault::new(
            "certificate",
            format!("the certificate is not valid: {other}"),
            "Browsers refuse it too: get another one.",
        ),
    }
}

fn wrong_name(host: &str) -> String {
    format!(
        "Either another virtual host answers, or the certificate lacks the name. Is there a virtual host for {host} on \
         this port, with a certificate of its own (`apache2ctl -S`, `nginx -T`)? `certbot certificates` lists the names \
         of each certificate."
    )
}

/// Formats the names of a certificate. rustls writes them as `DnsName("site.example")`.
fn names(presented: &[String]) -> String {
    let name = |text: &String| {
        let quoted = text
            .split_once('"')
            .and_then(|(_, rest)| rest.split_once('"'));
        quoted.map_or_else(|| text.clone(), |(name, _)| name.to_owned())
    };
    match presented {
        [] => "no name".to_owned(),
        names => names.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}

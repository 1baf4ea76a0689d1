//! What is wrong where HTTPS fails.

use std::io::{self, ErrorKind};
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::AlertDescription as Alert;
use tokio_rustls::rustls::CertificateError as Certificate;
use tokio_rustls::rustls::Error as Tls;

use super::report::Fault;
use super::target::Target;
use crate::expiry::{Lasts, days};

const RENEW: &str = "Renew it, and have the web server load it: `certbot renew`, then `systemctl reload nginx` (or \
                     apache2). Many certificates run out because nobody reloads.";

/// From what a TLS handshake has failed with.
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
                "Use {} if it is meant to be without encryption; else switch HTTPS on in the web server for this port \
                 (nginx: `listen {port} ssl`; Apache: `SSLEngine on`).",
                plain.url()
            );
            Fault::new("not-tls", format!("port {port} does not speak TLS"), todo)
        }
        Some(Tls::AlertReceived(Alert::NoApplicationProtocol)) => Fault::new(
            "tls-refused",
            format!("port {port} speaks no HTTP/1.1, which browsers open WebSockets with"),
            "Is it for HTTP/2 only? Let the web server, or what is before it, speak HTTP/1.1 there too.",
        ),
        Some(Tls::AlertReceived(alert)) => {
            let todo = format!(
                "Has the web server a virtual host with a certificate for {host} (server_name, ServerName)? Its error \
                 log says more."
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
                format!("port {port} hangs up when TLS begins"),
                "Is it a web server with HTTPS that listens there? Its error log says more.",
            )
        }
        _ => Fault::new(
            "tls",
            format!("TLS fails: {error}"),
            "The web server's error log may say more.",
        ),
    }
}

/// Whether a good one stays good for long.
pub(super) fn lasts(not_after: SystemTime) -> Result<((), String), Fault> {
    match Lasts::at(SystemTime::now(), not_after) {
        Lasts::Long(left) => Ok(((), format!("the certificate is good for {}", days(left)))),
        short => {
            let what = short.warning().unwrap_or_default();
            Err(Fault::new("certificate-ends-soon", what, RENEW))
        }
    }
}

/// Whether the peer has got as far as to show a certificate.
pub(super) fn is_about_certificate(error: &io::Error) -> bool {
    matches!(tls_error(error), Some(Tls::InvalidCertificate(_)))
}

/// Whether the peer speaks something else.
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
        // Signed by somebody with the name of an issuer that is known, or by itself.
        Certificate::UnknownIssuer
        | Certificate::BadSignature
        | Certificate::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        | Certificate::Other(_) => Fault::new(
            "certificate-issuer",
            "this machine knows no issuer that has signed the certificate",
            "If it is from a public issuer, the web server leaves the certificate between out: give it the whole chain \
             (certbot's fullchain.pem in nginx's ssl_certificate, Apache's SSLCertificateFile). If it is self-signed, no \
             visitor's browser takes it: get one (Let's Encrypt is free), or install its issuer on every machine.",
        ),
        other => Fault::new(
            "certificate",
            format!("the certificate is not accepted: {other}"),
            "Browsers will not accept it either: get another one.",
        ),
    }
}

fn wrong_name(host: &str) -> String {
    format!(
        "Another virtual host answers, or the certificate lacks the name: is there one for {host} on this port, with its \
         own certificate (`apache2ctl -S`, `nginx -T`)? `certbot certificates` lists what each is for."
    )
}

/// The names of a certificate, as rustls writes them: `DnsName("site.example")`.
fn names(presented: &[String]) -> String {
    let name = |text: &String| {
        let quoted = text
            .split_once('"')
            .and_then(|(_, rest)| rest.split_once('"'));
        quoted.map_or_else(|| text.clone(), |(name, _)| name.to_owned())
    };
    match presented {
        [] => "nobody".to_owned(),
        names => names.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}

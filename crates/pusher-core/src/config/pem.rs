//! Reads PEM files. If a file has another format, names that format.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::regular_file::open_regular_file;

/// Longest file, in bytes. A certificate chain has a few KiB.
const LEN_MAX: u64 = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// First byte of a DER file: the tag of a SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// The first element of the SEQUENCE in PKCS #12: the integer 3, its version (RFC 7292, section 4).
const PKCS12_VERSION: [u8; 3] = [0x02, 0x01, 0x03];

/// The expected content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Certificate,
    Key,
}

/// Reads a file without its byte order mark, which some editors write.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let file = open_regular_file(path)?;
    let len = file.take(LEN_MAX + 1).read_to_end(&mut text)?;
    if len as u64 > LEN_MAX {
        let reason = "the file is longer than 1 MiB, so it cannot be a certificate or key";
        return Err(io::Error::new(ErrorKind::FileTooLarge, reason));
    }
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

/// Names the format of a file without a usable PEM block, and the remedy. `None` if the format is unknown.
pub(crate) fn mistake(path: &Path, text: &[u8], wanted: Wanted) -> Option<String> {
    let path = path.display();
    let labels = labels(text);
    let has = |label: &str| labels.iter().any(|known| known == label);
    let is_encrypted = has("ENCRYPTED PRIVATE KEY") || contains(text, b"Proc-Type: 4,ENCRYPTED");
    let tool = match wanted {
        Wanted::Certificate => "x509",
        Wanted::Key => "pkey",
    };
    Some(match wanted {
        _ if text.is_empty() => "the file is empty".to_owned(),
        _ if is_pkcs12(text) => format!(
            "the file is PKCS #12, not PEM: `openssl pkcs12 -in {path} -nodes -out both.pem` converts it to a file that \
             can be used as certificate and as key"
        ),
        _ if text.first() == Some(&SEQUENCE) => format!(
            "the file is DER, not PEM: `openssl {tool} -inform DER -in {path} -out {tool}.pem` converts it"
        ),
        _ if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") => {
            "the file is UTF-16: save it as UTF-8 or ASCII".to_owned()
        }
        Wanted::Key if is_encrypted => format!(
            "the key is encrypted, and a server cannot ask for the passphrase: `openssl pkey -in {path} -out plain.pem` \
             decrypts it; keep the new file as secret as the old one (chmod 600)"
        ),
        Wanted::Key if has("OPENSSH PRIVATE KEY") => {
            "the file is an SSH key, not the key of a certificate".to_owned()
        }
        Wanted::Key if has("PUBLIC KEY") => {
            "the file is a public key: BEGIN PRIVATE KEY is missing".to_owned()
        }
        Wanted::Key if has("CERTIFICATE") => {
            "the file has a certificate and no key (BEGIN PRIVATE KEY is missing): are certificate and key swapped?"
                .to_owned()
        }
        Wanted::Certificate if has("CERTIFICATE REQUEST") => {
            "the file is a certificate request: use the certificate that the issuer sent back".to_owned()
        }
        Wanted::Certificate if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) => {
            "the file has a key and no certificate (BEGIN CERTIFICATE is missing): are certificate and key swapped?"
                .to_owned()
        }
        _ => return None,
    })
}

/// Returns the labels of all PEM blocks, such as `CERTIFICATE` in `-----BEGIN CERTIFICATE-----`.
fn labels(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let labels = text.lines().filter_map(|line| {
        let label = line.trim().strip_prefix("-----BEGIN ")?;
        label.strip_suffix("-----").map(str::to_owned)
    });
    labels.collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Whether a file begins like PKCS #12: a SEQUENCE, its length in 1 to 5 bytes, and the version.
fn is_pkcs12(text: &[u8]) -> bool {
    let body = match text {
        [SEQUENCE, len, rest @ ..] if *len < 0x80 => Some(rest),
        [SEQUENCE, len, rest @ ..] => rest.get(usize::from(*len & 0x7f)..),
        _ => None,
    };
    body.is_some_and(|body| body.starts_with(&PKCS12_VERSION))
}

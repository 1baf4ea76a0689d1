//! The certificate of the servers with TLS.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A self-signed certificate and its key, as PEM files. The key is for ECDSA with P-256, the usual one for sites.
#[derive(Debug)]
pub(super) struct Certificate {
    /// The certificate.
    pub(super) chain: PathBuf,
    /// The key.
    pub(super) key: PathBuf,
}

impl Certificate {
    /// Makes a certificate for `localhost`, in files in the folder.
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let made = made.context("can't make a certificate")?;
        let files = Self {
            chain: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        fs::write(&files.chain, made.cert.pem())?;
        fs::write(&files.key, made.signing_key.serialize_pem())?;
        Ok(files)
    }
}

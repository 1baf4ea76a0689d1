//! HMAC-SHA256 and PBKDF2, as WAMP-CRA v1 uses them.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

/// Parameters with which a client derives its secret from a password: PBKDF2 with HMAC-SHA256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyDerivation {
    /// Salt, different for each account.
    pub salt: String,
    /// Number of rounds, at least 1. AutobahnPython's default is 10,000.
    pub iterations: u32,
    /// Length of the derived key, 1 to 64 bytes. AutobahnPython's default is 32.
    pub keylen: usize,
}

/// Longest derived key, in bytes.
const KEY_LEN_MAX: usize = 64;

/// Derives the secret from a password as the client does: PBKDF2-HMAC-SHA256, in base64.
pub fn derive_key(password: &str, derivation: &KeyDerivation) -> String {
    let mut key = vec![0; derivation.keylen.clamp(1, KEY_LEN_MAX)];
    let (salt, rounds) = (derivation.salt.as_bytes(), derivation.iterations.max(1));
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, &mut key);
    BASE64.encode(&key)
}

/// Whether `signature` is base64(HMAC-SHA256(secret, challenge)). Compares in constant time, so that an attacker cannot
/// guess the signature byte by byte.
pub(super) fn is_valid(secret: &str, challenge: &str, signature: &str) -> bool {
    let Ok(signature) = BASE64.decode(signature.as_bytes()) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return false;
    };
    mac.update(challenge.as_bytes());
    mac.verify_slice(&signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_match_rfc_4231() {
        // RFC 4231, test case 2.
        let (secret, challenge) = ("Jefe", "what do ya want for nothing?");
        let signature = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        assert!(is_valid(secret, challenge, signature));
        assert!(!is_valid("jefe", challenge, signature));
        assert!(!is_valid(secret, "what", signature));
        for wrong in [
            "",
            "W9z",
            "****",
            "V9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
        ] {
            assert!(!is_valid(secret, challenge, wrong), "{wrong}");
        }
    }

    #[test]
    fn derived_keys_match_rfc_7914() {
        // RFC 7914, section 11: PBKDF2-HMAC-SHA-256 ("passwd", "salt", 1, 64).
        let derivation = KeyDerivation {
            salt: "salt".to_owned(),
            iterations: 1,
            keylen: 64,
        };
        let hex = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
                   49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783";
        let key = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        assert_eq!(derive_key("passwd", &derivation), BASE64.encode(&key));
    }
}

//! Variables that begin with `PUSHD_` and are not settings: typing errors, or variables of Kubernetes.

use super::names::nearest;
use super::setting::variable;

/// The prefix of pushd's variables.
pub(crate) const PREFIX: &str = "PUSHD_";

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Returns whether Kubernetes sets the variable, for a service with a name that begins with `pushd`: `PUSHD_SERVICE_HOST`,
/// `PUSHD_SERVICE_PORT_HTTP`, `PUSHD_PORT=tcp://...`, `PUSHD_PORT_8080_TCP_ADDR`.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let is_of_port = |rest: &[&str]| match rest {
        [] => value.contains("://"),
        [port, protocol, ..] => {
            port.bytes().all(|byte| byte.is_ascii_digit()) && PROTOCOLS.contains(protocol)
        }
        _ => false,
    };
    (1..words.len()).any(|at| match words[at..] {
        ["SERVICE", "HOST"] | ["SERVICE", "PORT", ..] => true,
        ["PORT", ref rest @ ..] => is_of_port(rest),
        _ => false,
    })
}

/// Describes the mistake in a variable that is neither a setting nor Kubernetes'.
pub(super) fn unknown(name: &str) -> String {
    let setting = name.strip_prefix(PREFIX).unwrap_or(name);
    match nearest(&setting.to_ascii_lowercase().replace('_', "-")) {
        Some(meant) => format!("unknown setting, did you mean {}?", variable(meant)),
        None => "unknown setting".to_owned(),
    }
}

/// Warns of Kubernetes' variables, in one line.
pub(super) fn service_links(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| {
        format!(
            "environment {}: ignored, because Kubernetes sets such variables for a service of that name (the pod \
             option `enableServiceLinks: false` switches them off)",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_variables_are_recognised() {
        let address = "tcp://10.0.0.1:8080";
        for (name, value, is_link) in [
            ("PUSHD_SERVICE_HOST", "10.0.0.1", true),
            ("PUSHD_SERVICE_PORT", "8080", true),
            ("PUSHD_SERVICE_PORT_PUBLISH", "5555", true),
            ("PUSHD_PORT", address, true),
            ("PUSHD_PORT_8080_TCP", address, true),
            ("PUSHD_PORT_8080_TCP_PROTO", "tcp", true),
            ("PUSHD_PORT_8080_TCP_ADDR", "10.0.0.1", true),
            ("PUSHD_PUBLIC_SERVICE_HOST", "10.0.0.1", true),
            ("PUSHD_PUBLIC_PORT_8080_UDP", address, true),
            ("PUSHD_PORT", "8080", false),
            ("PUSHD_PORT_X_TCP", address, false),
            ("PUSHD_LISTNE", "x", false),
            ("PUSHD_PUBLISH_HOSTS", "a", false),
            ("PUSHD_SERVICE", "x", false),
        ] {
            assert_eq!(is_service_link(name, value), is_link, "{name}={value}");
        }
    }
}

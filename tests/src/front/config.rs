//! Parts of the configuration that nginx and Apache have in common.

/// The user that runs the web server's processes if root starts it.
pub(super) const USER: &str = "www-data";

/// The ports of the site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) https: u16,
    /// Redirects to `https`.
    pub(super) http: u16,
}

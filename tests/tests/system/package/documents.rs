//! The documents of the package: each link leads to an installed file, or to a file of the repository on the web.

use std::process::Command;

use system_tests::{WAIT_MS, program, workspace};

use super::deb;
use crate::documents::{broken_links, is_target, links};

#[test]
fn links_of_installed_documents_have_targets() {
    let root = tempfile::tempdir().unwrap();
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("-x").arg(deb("pushd_")).arg(root.path());
    program::run(&mut unpack, WAIT_MS).success();
    let folder = root.path().join("usr/share/doc/pushd");
    let broken = broken_links(&folder);
    assert!(broken.is_empty(), "{broken:#?}");

    let version = env!("CARGO_PKG_VERSION");
    let mut on_web = 0;
    let links = links(&folder);
    for (document, link) in &links {
        let (_, path) = match link.split_once("github.com/pushd/pushd/") {
            Some((_, rest)) => rest.split_once(&format!("/v{version}/")).unwrap(),
            None => continue,
        };
        on_web += 1;
        let here = format!("{}/{path}", workspace().root.display());
        assert!(is_target(&here), "{}: {link}", document.display());
    }
    // Most links are between installed documents.
    assert!(
        on_web > 0 && 3 * on_web < links.len(),
        "{on_web} of {}",
        links.len()
    );
}

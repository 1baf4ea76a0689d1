//! The WordPress plugin's .zip, installed by WordPress itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use data_encoding::BASE64;
use serde_json::json;
use system_tests::browser::Browser;
use system_tests::php::Php;
use system_tests::wordpress::WordPress;
use system_tests::{WAIT_MS, program};

use super::{archive, deb};

/// Chooses the file in the form of *Upload Plugin*, as an administrator does.
fn choose(zip: &Path) -> String {
    let (name, content) = (
        zip.file_name().unwrap().to_str().unwrap(),
        fs::read(zip).unwrap(),
    );
    format!(
        "(() => {{
            const bytes = Uint8Array.from(atob({}), character => character.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], {}, {{type: 'application/zip'}}));
            const input = document.querySelector('#pluginzip');
            input.files = files.files;
            input.dispatchEvent(new Event('change', {{bubbles: true}}));
            return input.files.length;
        }})()",
        json!(BASE64.encode(&content)),
        json!(name)
    )
}

#[test]
fn wordpress_installs_and_activates_the_uploaded_zip() {
    let wordpress = WordPress::start_without_plugin(&Php::plain());
    let mut chromium = Browser::start();
    let mut admin = chromium.open(&wordpress.url("/readme.html"));
    wordpress.log_in(&mut admin);
    admin.go(&wordpress.url("/wp-admin/plugin-install.php?tab=upload"));
    assert_eq!(admin.evaluate(&choose(&archive("zip"))), 1);
    admin.click("#install-plugin-submit");
    admin.wait_for("document.querySelector('.button-primary[href*=\"action=activate\"]') !== null");
    admin.click(".button-primary[href*=\"action=activate\"]");
    admin.wait_for("document.querySelector('#deactivate-pushd-live') !== null");
    admin.go(&wordpress.url("/wp-admin/options-general.php?page=pushd-live"));
    let settings = admin.evaluate("document.querySelector('.wrap').innerText");
    let settings = settings.as_str().unwrap();
    assert!(settings.contains("Publishes with PHP alone"), "{settings}");
    let log = wordpress.log();
    assert!(!log.contains("PHP "), "{log}");
}

/// Debian's WordPress gets the same files: the classes are a package of their own.
#[test]
fn the_deb_has_the_files_of_the_zip() {
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &mut Command| {
        program::run(command.current_dir(folder.path()), WAIT_MS).success();
    };
    run(Command::new("unzip").arg("-q").arg(archive("zip")));
    for name in ["php-pushd-pusher_", "wordpress-pushd-live_"] {
        run(Command::new("dpkg-deb")
            .arg("-x")
            .arg(deb(name))
            .arg("debian"));
    }
    let plugin = folder.path().join("pushd-live");
    fs::remove_file(plugin.join("LICENSE.txt")).unwrap();
    let debian = folder.path().join("debian/usr/share");
    let of_debian = debian.join("wordpress/wp-content/plugins/pushd-live");
    let classes = of_debian.join("pusher");
    assert_eq!(
        fs::read_link(&classes).unwrap(),
        Path::new("../../../../php/Pushd/Pusher")
    );
    // The link leads to the classes, with the name by which PHP programs load them.
    let autoload = debian.join("php/Pushd/Pusher/autoload.php");
    assert_eq!(fs::read_link(&autoload).unwrap(), Path::new("pusher.php"));
    fs::remove_file(autoload).unwrap();
    run(Command::new("diff")
        .arg("--recursive")
        .args([&plugin, &of_debian]));
}

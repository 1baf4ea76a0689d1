//! pushd on another machine, behind nginx with TLS.

use serde_json::json;
use system_tests::daemon::Daemon;
use system_tests::php::Php;

use super::{SETTINGS, Site, TOKEN, shows, text};
use crate::proxies::publishing::front;

#[test]
fn posts_are_published_over_https() {
    let daemon = Daemon::start_with(&["--publish-token", TOKEN]);
    let nginx = front(&daemon);
    let php = Php::plain().set("openssl.cafile", nginx.certificate().display());
    let mut site = Site::start_at(daemon, &php);
    let said = site.save_settings(&[("address", &nginx.url("/publish"))]);
    assert!(said.contains("leave out /publish"), "{said}");
    let said = site.save_settings(&[("address", &nginx.url(""))]);
    assert!(said.contains("Settings saved"), "{said}");
    site.admin.go(&site.wordpress.url(SETTINGS));
    let spool = text(&mut site.admin, "#pushd-live-spool");
    assert!(spool.contains("on another machine"), "{spool}");
    site.admin.click("#pushd-live-test #submit");
    site.admin.wait_for(
        "document.querySelector('.notice-success')?.innerText.includes('pushd has taken')",
    );

    let mut reader = site.reader();
    let public = site.post("新しい子猫", json!({"excerpt": "It is here."}));
    reader.wait_for(&shows(
        &format!("post {}", public["id"]),
        "新しい子猫",
        "It is here.",
    ));

    site.without_daemon(|site| {
        site.post("nobody listens", json!({}));
        site.admin.go(&site.wordpress.url(SETTINGS));
        let failure = text(&mut site.admin, "#pushd-live-failure");
        assert!(
            failure.contains("HTTP status 502") && !failure.contains(TOKEN),
            "{failure}"
        );
    });
    let log = site.wordpress.log();
    assert!(!log.contains("PHP "), "{log}");
}

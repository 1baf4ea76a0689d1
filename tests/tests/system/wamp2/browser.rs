//! autobahn-browser in Chromium.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};
use system_tests::browser::{Browser, Page};
use system_tests::php::{Application, Php, Server};
use system_tests::workspace;
use xtask::npm;

use super::{file, publish, revoke, start, url};

/// The folder `node_modules` with autobahn-browser. Tests that run at the same time install it once.
static MODULES: LazyLock<PathBuf> = LazyLock::new(|| {
    npm::install(&workspace(), &file("package.json"), "autobahn-browser").unwrap()
});

#[track_caller]
fn heard(page: &mut Page, wanted: &Value) {
    let wanted = Value::from(wanted.to_string());
    page.wait_for(&format!("said.includes({wanted})"));
}

#[track_caller]
fn forget(page: &mut Page) {
    page.evaluate("said.length = 0");
}

/// A site whose page has autobahn-browser.
#[track_caller]
fn site() -> (Application, Server) {
    let files = Application::of(&[]);
    files.copy_in(&file("index.html"));
    files.copy_in(&MODULES.join("autobahn-browser/autobahn.min.js"));
    let server = Server::start(&Php::plain(), files.path(), &[]);
    (files, server)
}

#[test]
fn a_page_subscribes_publishes_and_reconnects() {
    let keys = tempfile::tempdir().unwrap();
    let daemon = start(keys.path());
    let (_files, site) = site();
    let mut page = Browser::start().open(&format!("http://{}/", site.address));
    page.evaluate(&format!(
        "globalThis.connection = connect('{}', ['chat', 'orders.1', 'orders.2', 'pushd:denied']); 0",
        url(&daemon)
    ));
    heard(&mut page, &json!(["subscribed", "chat"]));
    heard(&mut page, &json!(["subscribed", "orders.1"]));
    heard(&mut page, &json!(["subscribed", "pushd:denied"]));
    let reason = "wamp.error.not_authorized";
    heard(
        &mut page,
        &json!(["refused", "orders.2", reason, ["ticket_topic"]]),
    );

    publish(&daemon, "orders.1", &json!({"title": "子猫"}));
    heard(
        &mut page,
        &json!(["event", "orders.1", [{"title": "子猫"}], {}]),
    );
    page.evaluate("publish(connection, 'chat', [1, 2], {a: 3})");
    heard(&mut page, &json!(["published", "chat"]));
    heard(&mut page, &json!(["event", "chat", [1, 2], {"a": 3}]));
    page.evaluate("publish(connection, 'news', [1])");
    heard(
        &mut page,
        &json!(["refused", "news", reason, ["not allowed to publish"]]),
    );

    revoke(&daemon);
    let denied = json!({"topic": "orders.1", "code": "ticket_revoked"});
    heard(&mut page, &json!(["event", "pushd:denied", [denied], {}]));
    forget(&mut page);

    let daemon = daemon.terminate().start_again();
    heard(&mut page, &json!(["lost"]));
    heard(&mut page, &json!(["subscribed", "chat"]));
    publish(&daemon, "chat", &json!("again"));
    heard(&mut page, &json!(["event", "chat", ["again"], {}]));
    page.evaluate("connection.close()");
    heard(&mut page, &json!(["closed"]));
}

#[test]
fn php_publishes_to_a_page() {
    let keys = tempfile::tempdir().unwrap();
    let daemon = start(keys.path());
    let (_files, site) = site();
    let mut page = Browser::start().open(&format!("http://{}/", site.address));
    page.evaluate(&format!(
        "globalThis.connection = connect('ws://{}/', ['news']); 0",
        daemon.web
    ));
    heard(&mut page, &json!(["subscribed", "news"]));
    let package = workspace().root.join("php/src/pusher.php");
    Php::plain().print(&format!(
        "require '{}';
         pusher_configure(['address' => '{}']);
         Pusher::publish('news', ['title' => '子猫']);
         Pusher::publish('news', ['args' => [1, 2], 'kwargs' => ['color' => 'orange']]);",
        package.display(),
        daemon.push_address()
    ));
    heard(
        &mut page,
        &json!(["event", "news", [{"title": "子猫"}], {}]),
    );
    heard(
        &mut page,
        &json!(["event", "news", [1, 2], {"color": "orange"}]),
    );
}

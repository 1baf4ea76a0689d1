//! Pages of all protocols see the same events.

use serde_json::{Value, json};
use system_tests::browser::Browser;
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;

use super::page::in_each_host;
use super::site::{Site, publish};

#[test]
fn wamp_sse_and_pusher_js_show_the_same_events() {
    let site = Site::start();
    let origin = "--allow-origin=*";
    let daemon = site.daemon(&[origin]);
    let mut chromium = Browser::start();
    let mut stream = chromium.open(&site.url(daemon.web, ""));
    stream.evaluate(&format!(
        "globalThis.source = new EventSource('http://{}/events?topic=news');
         source.onmessage = event => say(JSON.parse(event.data)); new Promise(done => source.onopen = () => done())",
        daemon.web
    ));
    let mut wamp = Wamp::subscribed(daemon.web, "news");
    in_each_host(|host| {
        let mut page = host.connect(&site, daemon.web, "");
        page.run("watch(pusher, 'news')");
        page.heard(&json!(["subscribed", "news"]));
        // Of the protocol, and of a page of PHP that does not know it.
        publish(&daemon, "news", "added", &json!({"title": "新しい子猫"}));
        let bare = json!({"category": "news", "title": "子猫"});
        publish_raw(daemon.publish, &bare.to_string());
        let named = json!({"event": "added", "data": {"title": "新しい子猫"}});
        page.heard(&json!(["event", "news", "added", named["data"]]));
        page.heard(&json!(["event", "news", "message", bare]));
        for event in [named, bare] {
            assert_eq!(wamp.event("news"), event);
            let said = Value::from(json!([event]).to_string());
            stream.wait_for(&format!("said.includes({said})"));
        }
    });
    assert_eq!(stream.evaluate("said.length"), 4);
}

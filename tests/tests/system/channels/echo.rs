//! laravel-echo with its connectors for Pusher and Reverb.

use serde_json::json;

use super::page::in_each_host;
use super::site::{Site, publish};

#[test]
fn echo_joins_hears_and_whispers() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    let info = |user: &str| json!({"name": format!("猫 {user}")});
    for broadcaster in ["pusher", "reverb"] {
        in_each_host(|host| {
            let mut ann = host.open(&site, daemon.web, "7");
            ann.run(&format!(
                "const one = echo('{broadcaster}');
                 one.channel('news').listen('Added', event => say('added', event)).subscribed(() => say('in', 'news'));
                 one.private('orders.7').listen('.shipped', event => say('shipped', event)).subscribed(() => say('in', 'orders'));
                 one.private('forbidden').error(error => say('refused', error.status));
                 one.join('chat').here(users => say('here', users)).joining(user => say('joining', user))
                    .leaving(user => say('leaving', user)).listenForWhisper('typing', event => say('whisper', event))"
            ));
            ann.heard(&json!(["in", "news"]));
            ann.heard(&json!(["in", "orders"]));
            ann.heard(&json!(["refused", 403]));
            ann.heard(&json!(["here", [info("7")]]));
            publish(&daemon, "news", "App\\Events\\Added", &json!({"id": 1}));
            ann.heard(&json!(["added", {"id": 1}]));
            publish(&daemon, "private-orders.7", "shipped", &json!({"id": "猫"}));
            ann.heard(&json!(["shipped", {"id": "猫"}]));

            let mut bob = host.open(&site, daemon.web, "9");
            bob.run(&format!(
                "const one = echo('{broadcaster}'); one.join('chat').here(users => say('here', users))"
            ));
            bob.heard(&json!(["here", [info("7"), info("9")]]));
            ann.heard(&json!(["joining", info("9")]));
            bob.run("one.join('chat').whisper('typing', {text: '子猫'})");
            ann.heard(&json!(["whisper", {"text": "子猫"}]));
            bob.run("one.leave('chat')");
            ann.heard(&json!(["leaving", info("9")]));
            assert_eq!(ann.said_of("whisper").len(), 1);
        });
    }
}

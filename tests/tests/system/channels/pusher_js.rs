//! pusher-js: channels, members and users.

use serde_json::{Value, json};
use system_tests::relay::Relay;
use xtask::http;

use super::page::{Host, in_each_host};
use super::site::{Site, publish};

/// An object with all kinds of values and characters.
fn event() -> Value {
    json!({"title": "新しい子猫 🐈", "list": [1, null, "\"\\\u{2028}"], "none": {}})
}

#[test]
fn channels_of_each_kind_bring_their_events() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    let channels = ["news", "private-orders.7", "private-cache-7", "cache-price"];
    in_each_host(|host| {
        let mut page = host.connect(&site, daemon.web, "7");
        for channel in channels {
            page.run(&format!("watch(pusher, '{channel}')"));
            page.heard(&json!(["subscribed", channel]));
            publish(&daemon, channel, "App\\Events\\Added", &event());
            page.heard(&json!(["event", channel, "App\\Events\\Added", event()]));
        }
        page.run("pusher.unsubscribe('news'); watch(pusher, 'last')");
        page.heard(&json!(["subscribed", "last"]));
        publish(&daemon, "news", "late", &json!(1));
        publish(&daemon, "last", "end", &json!("text"));
        page.heard(&json!(["event", "last", "end", "text"]));
        let late = page.said_of("event");
        assert!(late.iter().all(|words| words[2] != "late"), "{late:?}");
        assert_eq!(page.said_of("error"), [] as [Value; 0]);
    });
}

#[test]
fn an_event_of_1_mib_arrives_whole() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    in_each_host(|host| {
        let mut page = host.connect(&site, daemon.web, "");
        page.run(
            "pusher.subscribe('large').bind('e', text => say('large', text.length, text === '猫\"x'.repeat(200000)));
             watch(pusher, 'end')",
        );
        page.heard(&json!(["subscribed", "end"]));
        publish(&daemon, "large", "e", &json!("猫\"x".repeat(200_000)));
        page.heard(&json!(["large", 600_000, true]));
    });
}

#[test]
fn a_cache_channel_begins_with_its_last_event() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    in_each_host(|host| {
        // Not used by the run in the other host.
        let channel = format!("cache-{}", host.name());
        let mut early = host.connect(&site, daemon.web, "");
        early.run(&format!("watch(pusher, '{channel}')"));
        early.heard(&json!(["cache miss", channel]));
        for price in [1, 2] {
            publish(&daemon, &channel, "price", &json!(price));
        }
        let mut late = host.connect(&site, daemon.web, "");
        late.run(&format!("watch(pusher, '{channel}')"));
        late.heard(&json!(["event", channel, "price", 2]));
        publish(&daemon, &channel, "price", &json!(3));
        late.heard(&json!(["event", channel, "price", 3]));
        assert_eq!(late.said_of("event").len(), 2);
        assert_eq!(late.said_of("cache miss").len(), 0);
    });
}

#[test]
fn the_site_refuses_a_channel_and_a_guest() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    in_each_host(|host| {
        for (user, channel) in [("7", "private-forbidden"), ("", "presence-chat")] {
            let mut page = host.connect(&site, daemon.web, user);
            page.run(&format!("watch(pusher, '{channel}')"));
            page.heard(&json!(["refused", channel, 403]));
        }
        // A site with another secret, and the answer of pushd.
        let mut page = host.open(&site, daemon.web, "7");
        page.run(
            "const pusher = connect({channelAuthorization: {customHandler: (_, answer) =>
                answer(null, {auth: param('key') + ':' + '0'.repeat(64), channel_data: '{\"user_id\":1}'})}});
             watch(pusher, 'private-a'); watch(pusher, 'presence-a'); watch(pusher, 'news')",
        );
        for channel in ["private-a", "presence-a"] {
            page.heard(&json!(["refused", channel, 401]));
        }
        page.heard(&json!(["subscribed", "news"]));
    });
}

#[test]
fn a_wrong_key_is_an_error_that_is_not_tried_again() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    in_each_host(|host| {
        let relay = Relay::start(daemon.web);
        let mut page = host.open(&site, relay.address, "7");
        page.run("SITE.searchParams.set('key', 'other'); const pusher = connect()");
        page.heard(&json!(["error", 4001]));
        page.heard(&json!(["state", "disconnected"]));
        assert_eq!(relay.connections(), 1);
    });
}

#[test]
fn a_web_server_in_front_may_forward_a_folder() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    in_each_host(|host| {
        let mut page = host.open(&site, daemon.web, "");
        page.run("watch(connect({wsPath: '/push'}), 'news')");
        page.heard(&json!(["subscribed", "news"]));
    });
}

#[test]
fn tabs_of_a_user_are_one_member() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    let info = |user: &str| json!({"name": format!("猫 {user}")});
    let member = |user: &str| json!({"id": user, "info": info(user)});
    in_each_host(|host| {
        let mut ann = host.connect(&site, daemon.web, "7");
        ann.run("watch(pusher, 'presence-chat')");
        let me = json!({"id": 7, "info": info("7")});
        ann.heard(&json!(["subscribed", "presence-chat", {"7": info("7")}, me, 1]));
        let both = json!({"7": info("7"), "9": info("9")});
        let me = json!({"id": 9, "info": info("9")});
        let mut tabs = [(); 2].map(|()| host.connect(&site, daemon.web, "9"));
        for tab in &mut tabs {
            tab.run("watch(pusher, 'presence-chat')");
            tab.heard(&json!(["subscribed", "presence-chat", both, me, 2]));
        }
        ann.heard(&json!(["joined", "presence-chat", member("9")]));
        let [mut one, mut other] = tabs;
        one.run("pusher.disconnect()");
        one.heard(&json!(["state", "disconnected"]));
        other.run("pusher.unsubscribe('presence-chat')");
        ann.heard(&json!(["left", "presence-chat", member("9")]));
        assert_eq!(ann.said_of("joined").len(), 1);
        assert_eq!(ann.said_of("left").len(), 1);
    });
}

#[test]
fn client_events_reach_the_others_with_their_sender() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    in_each_host(|host| {
        let mut ann = host.connect(&site, daemon.web, "7");
        let mut bob = host.connect(&site, daemon.web, "9");
        for channel in ["presence-chat", "private-chat"] {
            for page in [&mut ann, &mut bob] {
                page.run(&format!(
                    "watch(pusher, '{channel}').bind('pusher:subscription_succeeded', () => say('in', '{channel}'))
                         .bind('client-typing', (data, {{user_id}}) => say('sender', '{channel}', data, user_id ?? null))"
                ));
                page.heard(&json!(["in", channel]));
            }
            bob.run(&format!(
                "pusher.channel('{channel}').trigger('client-typing', {{text: '猫'}})"
            ));
        }
        let data = json!({"text": "猫"});
        ann.heard(&json!(["sender", "presence-chat", data, "9"]));
        ann.heard(&json!(["sender", "private-chat", data, null]));
        // The setting does not name this channel.
        bob.run("watch(pusher, 'private-quiet').bind('pusher:subscription_succeeded', () => pusher.channel('private-quiet').trigger('client-typing', {}))");
        bob.heard(&json!(["error", 4301]));
        ann.run("pusher.channel('presence-chat').trigger('client-end', 1)");
        bob.heard(&json!(["event", "presence-chat", "client-end", 1]));
        assert_eq!(bob.said_of("event").len(), 1, "no sender hears itself");
    });
}

#[test]
fn a_user_who_has_signed_in_gets_its_own_events() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    in_each_host(|host| {
        // A revocation also ends sessions that begin in the same second, so each host has its own users.
        let [user, other] = match host {
            Host::Node => ["7", "8"],
            Host::Chromium(_) => ["17", "18"],
        };
        let channel = format!("#server-to-user-{user}");
        let mut page = host.connect(&site, daemon.web, user);
        page.run(
            "pusher.user.bind('mail', data => say('mail', data));
             pusher.connection.bind('message', ({event, channel}) => say('message', event, channel ?? null));
             pusher.signin()",
        );
        page.heard(&json!([
            "message",
            "pusher_internal:subscription_succeeded",
            channel
        ]));
        let other = format!("#server-to-user-{other}");
        publish(&daemon, &other, "mail", &json!("for another"));
        publish(&daemon, &channel, "mail", &json!({"new": 1}));
        page.heard(&json!(["mail", {"new": 1}]));
        assert_eq!(page.said_of("mail").len(), 1);
        let path = format!("/revoke/{user}");
        let answer = http::request(daemon.publish, "POST", &path, "Content-Length: 0\r\n");
        assert_eq!(answer.unwrap().status, 200);
        page.heard(&json!(["error", 4009]));
        // pusher-js does not connect again after this code.
        page.heard(&json!(["state", "disconnected"]));
    });
}

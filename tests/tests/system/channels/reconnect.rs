//! pusher-js comes back after restarts and on broken networks.

use serde_json::json;
use system_tests::daemon::Daemon;
use system_tests::relay::{Direction, Relay};

use super::page::{Page, in_each_host};
use super::site::{Site, publish};

/// Each subscription of the page has a number.
const WATCH: &str = "
    let times = {};
    const count = name => (times[name] = (times[name] ?? 0) + 1);
    for (const name of ['news', 'private-a', 'presence-a'])
        watch(pusher, name).bind('pusher:subscription_succeeded', () => say('in', name, count(name)));
";

#[track_caller]
fn assert_subscribed(page: &mut Page, daemon: &Daemon, times: u32) {
    for channel in ["news", "private-a", "presence-a"] {
        page.heard(&json!(["in", channel, times]));
        publish(daemon, channel, "e", &json!(times));
        page.heard(&json!(["event", channel, "e", times]));
    }
}

#[test]
fn a_page_subscribes_again_after_each_restart() {
    let site = Site::start();
    in_each_host(|host| {
        let daemon = site.daemon(&[]);
        let mut page = host.connect(&site, daemon.web, "7");
        page.run(WATCH);
        assert_subscribed(&mut page, &daemon, 1);
        let daemon = daemon.terminate().start_again();
        assert_subscribed(&mut page, &daemon, 2);
        let daemon = daemon.kill_and_restart();
        assert_subscribed(&mut page, &daemon, 3);
    });
}

#[test]
fn a_page_notices_a_dead_connection() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    in_each_host(|host| {
        let relay = Relay::start(daemon.web);
        let mut page = host.open(&site, relay.address, "7");
        // Options of pusher-js. The server's activity_timeout is longer.
        page.run("const pusher = connect({activityTimeout: 300, pongTimeout: 300})");
        page.run(WATCH);
        assert_subscribed(&mut page, &daemon, 1);
        relay.forget(Direction::Both);
        assert_subscribed(&mut page, &daemon, 2);
        relay.reset();
        assert_subscribed(&mut page, &daemon, 3);
    });
}

//! Presence channels of the Channels protocol at several daemons.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use system_tests::WAIT_MS;
use system_tests::channels::{Channels, data, write_app};
use system_tests::daemon::Daemon;
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{
    metric, node, nodes, wait_for_nodes, wait_for_redis_status, wait_until_ready,
};
use system_tests::relay::Relay;
use tempfile::TempDir;
use xtask::http;
use xtask::process::wait_until;

const CHANNEL: &str = "presence-a";

const ADDED: &str = "pusher_internal:member_added";
const REMOVED: &str = "pusher_internal:member_removed";

/// Redis, and daemons with an application.
struct Site {
    redis: Redis,
    nodes: Vec<Daemon>,
    _folder: TempDir,
}

impl Site {
    #[track_caller]
    fn start(count: usize) -> Self {
        let (redis, folder) = (Redis::start(), TempDir::new().unwrap());
        let app = format!("--pusher-app={}", write_app(folder.path()));
        Self {
            nodes: nodes(&redis.url(), count, &[&app]),
            redis,
            _folder: folder,
        }
    }

    fn web(&self, node: usize) -> SocketAddr {
        self.nodes[node].web
    }

    #[track_caller]
    fn page(&self, node: usize, user: &str) -> (Channels, Vec<String>) {
        page_at(&self.nodes[node], user)
    }
}

/// Opens a page of a user in the channel. Returns it, and the ids of the members that it is told.
#[track_caller]
fn page_at(node: &Daemon, user: &str) -> (Channels, Vec<String>) {
    let mut page = Channels::connect(node.web);
    let members = join(&mut page, user);
    (page, members)
}

fn channel_data(user: &str) -> String {
    json!({"user_id": user}).to_string()
}

#[track_caller]
fn join(page: &mut Channels, user: &str) -> Vec<String> {
    page.send(&page.subscribe_message(CHANNEL, Some(&channel_data(user))));
    let answer = page.message();
    let event = &answer["event"];
    assert_eq!(*event, "pusher_internal:subscription_succeeded", "{answer}");
    let presence = &data(&answer)["presence"];
    let ids = presence["ids"].as_array().unwrap();
    assert_eq!(presence["count"], ids.len());
    let mut ids: Vec<_> = ids
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    ids.sort_unstable();
    ids
}

/// Returns the kind and the user of a change of the members.
#[track_caller]
fn change(message: &Value) -> (String, String) {
    let event = message["event"].as_str().unwrap().to_owned();
    let user = data(message)["user_id"].as_str().map(str::to_owned);
    (
        event,
        user.unwrap_or_else(|| panic!("no change: {message}")),
    )
}

#[track_caller]
fn assert_change(page: &mut Channels, event: &str, user: &str) {
    let message = page.message();
    assert_eq!(change(&message), (event.to_owned(), user.to_owned()));
}

/// Waits until a page knows these members. It must hear of nobody whom it knows.
#[track_caller]
fn learn(page: &mut Channels, mut known: Vec<String>, expected: &[&str]) {
    while known != expected {
        let (event, user) = change(&page.message());
        assert_eq!(event, ADDED);
        assert!(!known.contains(&user), "{user} twice");
        known.push(user);
        known.sort_unstable();
    }
}

#[test]
fn a_page_finds_itself_in_the_list_and_does_not_hear_of_itself() {
    let site = Site::start(2);
    let (mut ann, members) = site.page(0, "ann");
    assert_eq!(members, ["ann"]);
    let (mut bob, members) = site.page(1, "bob");
    assert!(members.contains(&"bob".to_owned()), "{members:?}");
    learn(&mut bob, members, &["ann", "bob"]);
    assert_change(&mut ann, ADDED, "bob");
    let (mut tab, members) = site.page(0, "ann");
    assert_eq!(members, ["ann", "bob"]);
    let (mut carol, members) = site.page(1, "carol");
    assert!(members.contains(&"carol".to_owned()), "{members:?}");
    for page in [&mut ann, &mut tab] {
        assert_change(page, ADDED, "carol");
        assert_eq!(page.barrier(), Vec::<Value>::new());
    }
    assert_change(&mut bob, ADDED, "carol");
    drop(ann);
    drop(tab);
    for page in [&mut bob, &mut carol] {
        assert_change(page, REMOVED, "ann");
        assert_eq!(page.barrier(), Vec::<Value>::new());
    }
}

#[test]
fn the_limit_of_members_holds_at_all_nodes() {
    let site = Site::start(2);
    let (mut first, _) = site.page(0, "0");
    let pages: Vec<_> = (1..100)
        .map(|user| site.page(0, &user.to_string()))
        .collect();
    // Then a page that joins there is told of all, too.
    for _ in &pages {
        assert_eq!(change(&first.message()).0, ADDED);
    }
    let knows_all = || {
        let target = format!("/presence/{CHANNEL}");
        let answer = http::get(site.nodes[1].publish, &target).unwrap();
        answer.text().contains(r#""count":100"#)
    };
    assert!(wait_until(WAIT_MS, knows_all));
    for node in 0..2 {
        let mut late = Channels::connect(site.web(node));
        late.send(&late.subscribe_message(CHANNEL, Some(&channel_data("late"))));
        let answer = late.message();
        assert_eq!(answer["event"], "pusher:subscription_error", "{answer}");
        assert_eq!(data(&answer)["type"], "LimitReached");
        // A user who is there already.
        assert_eq!(join(&mut late, "5").len(), 100);
    }
    drop(pages);
}

/// Lets Redis hang while eve joins and dan leaves at the second daemon.
#[track_caller]
fn change_members_while_redis_hangs(site: &mut Site, dan: Channels) -> Channels {
    site.redis.freeze();
    let (eve, members) = site.page(1, "eve");
    assert!(members.contains(&"eve".to_owned()), "{members:?}");
    drop(dan);
    for node in &site.nodes {
        wait_for_redis_status(node, "a failure", |redis| !redis["failure"].is_null());
    }
    // Members stay for 5 s. The first attempt to tell the others has failed by then.
    let has_left = || metric(&site.nodes[1], "pushd_presence_members") == 2;
    assert!(wait_until(WAIT_MS, has_left));
    site.redis.thaw();
    eve
}

#[track_caller]
fn assert_both_changes(page: &mut Channels) {
    let mut changes = [change(&page.message()), change(&page.message())];
    changes.sort_unstable();
    let expected = [(ADDED, "eve"), (REMOVED, "dan")];
    let expected = expected.map(|(event, user)| (event.to_owned(), user.to_owned()));
    assert_eq!(changes, expected);
}

#[test]
fn pages_get_the_changes_that_redis_hung_over() {
    let mut site = Site::start(2);
    let (mut ann, _) = site.page(0, "ann");
    let (mut bob, members) = site.page(1, "bob");
    learn(&mut bob, members, &["ann", "bob"]);
    assert_change(&mut ann, ADDED, "bob");
    let (dan, _) = site.page(1, "dan");
    assert_change(&mut ann, ADDED, "dan");
    assert_change(&mut bob, ADDED, "dan");
    let mut eve = change_members_while_redis_hangs(&mut site, dan);
    for page in [&mut ann, &mut bob] {
        assert_both_changes(page);
    }
    assert_change(&mut eve, REMOVED, "dan");
    // Nothing comes twice.
    let (mut fred, members) = site.page(0, "fred");
    assert_eq!(members, ["ann", "bob", "eve", "fred"]);
    for page in [&mut ann, &mut bob, &mut eve] {
        assert_change(page, ADDED, "fred");
    }
    assert_eq!(fred.barrier(), Vec::<Value>::new());
}

#[test]
fn nobody_leaves_because_redis_has_lost_its_data() {
    let site = Site::start(2);
    let (mut ann, _) = site.page(0, "ann");
    let (mut bob, members) = site.page(1, "bob");
    learn(&mut bob, members, &["ann", "bob"]);
    assert_change(&mut ann, ADDED, "bob");
    let Site {
        redis,
        nodes,
        _folder,
    } = site;
    let site = Site {
        redis: redis.kill().start_again(),
        nodes,
        _folder,
    };
    for node in &site.nodes {
        wait_until_ready(node);
    }
    let (fred, _) = site.page(1, "fred");
    for page in [&mut ann, &mut bob] {
        assert_change(page, ADDED, "fred");
    }
    drop(fred);
    // That takes so long that the servers have compared their lists before.
    for page in [&mut ann, &mut bob] {
        assert_change(page, REMOVED, "fred");
        assert_eq!(page.barrier(), Vec::<Value>::new());
    }
    let (_eve, members) = site.page(0, "eve");
    assert_eq!(members, ["ann", "bob", "eve"]);
}

#[test]
fn pages_get_the_changes_after_a_hand_over() {
    let mut site = Site::start(2);
    let (mut ann, _) = site.page(0, "ann");
    let (_bob, _) = site.page(1, "bob");
    assert_change(&mut ann, ADDED, "bob");
    let (dan, _) = site.page(1, "dan");
    assert_change(&mut ann, ADDED, "dan");
    site.nodes[0].process.signal(Signal::SIGUSR2);
    site.nodes[0].wait_for_log("took the connections over");
    // The new process knows what its pages know within a second, and a member stays for five.
    let (fred, _) = site.page(1, "fred");
    assert_change(&mut ann, ADDED, "fred");
    drop(fred);
    assert_change(&mut ann, REMOVED, "fred");
    let _eve = change_members_while_redis_hangs(&mut site, dan);
    assert_both_changes(&mut ann);
    assert_eq!(ann.barrier(), Vec::<Value>::new());
}

/// Returns the clients that use TCP and have last called a script.
#[track_caller]
fn scripts(redis: &Redis) -> BTreeSet<String> {
    let clients = redis.tcp_clients().into_iter();
    let callers = clients.filter(|(_, command)| command == "evalsha");
    callers.map(|(id, _)| id).collect()
}

/// What a daemon has sent to Redis on a connection that broke may arrive behind what it has sent since.
#[test]
fn a_member_that_has_left_does_not_come_back_late() {
    let (redis, folder) = (Redis::start_on_tcp(&[]), TempDir::new().unwrap());
    let app = format!("--pusher-app={}", write_app(folder.path()));
    let flags = [&*app, "--redis-wait", "30s"];
    let relay = Relay::start(redis.address());
    let late = node(&format!("redis://{}", relay.address), &flags);
    let (bob, _) = page_at(&late, "bob");
    // The connections for members and for shares of them.
    let shares = || metric(&late, "pushd_presence_members") == 1 && scripts(&redis).len() >= 4;
    assert!(wait_until(WAIT_MS, shares));
    let old = scripts(&redis);
    let other = node(&redis.url(), &flags);
    wait_for_nodes(&other, 2);
    let (mut ann, members) = page_at(&other, "ann");
    assert_eq!(members, ["ann", "bob"]);
    relay.delay();
    // The daemon tells it on the old connection, and then on a new one.
    let (dan, _) = page_at(&late, "dan");
    assert_change(&mut ann, ADDED, "dan");
    drop(dan);
    assert_change(&mut ann, REMOVED, "dan");
    relay.deliver();
    let all_gone = || redis.tcp_clients().keys().all(|id| !old.contains(id));
    assert!(wait_until(WAIT_MS, all_gone), "the old connections stay");
    let answer = http::get(other.publish, &format!("/presence/{CHANNEL}")).unwrap();
    assert!(answer.text().contains(r#""count":2"#), "{}", answer.text());
    assert_eq!(ann.barrier(), Vec::<Value>::new());
    drop(bob);
    assert_change(&mut ann, REMOVED, "bob");
}

//! Redis with TLS.

use serde_json::Value;
use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::issuer::Issuer;
use system_tests::nodes::load::{answer_to, publish_all};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{
    check, doctor, position, redis_status, wait_for_nodes, wait_for_redis_status,
};
use xtask::http;

/// The host in the setting `redis`.
const HOST: &str = "localhost";

fn url(redis: &Redis) -> String {
    format!("rediss://{HOST}:{}", redis.address().port())
}

#[track_caller]
fn node(redis: &Redis, issuer: &Issuer) -> Daemon {
    let flags = ["--redis", &url(redis)];
    Daemon::start_trusting(&issuer.file(), &flags)
}

/// Returns the step `redis` of the doctor.
#[track_caller]
fn redis_step(redis: &Redis, issuer: &Issuer, node: &Daemon) -> Value {
    let steps = doctor(node, &issuer.file(), &["--redis", &url(redis)]);
    let mut steps = steps.into_iter().filter(|step| step["step"] == "redis");
    steps.next().expect("the step of Redis")
}

#[test]
fn nodes_share_a_log_over_tls() {
    let issuer = Issuer::with_certificate_for(HOST);
    let redis = Redis::start_with_tls(&issuer, &[]);
    let nodes = [node(&redis, &issuer), node(&redis, &issuer)];
    nodes.iter().for_each(|node| wait_for_nodes(node, 2));
    let begin = position(nodes[0].publish);
    let followers = Follower::at_each(&nodes, "t", &begin);
    let mut published = publish_all(nodes[0].publish, "t", 1..=50);
    redis.kill_clients();
    published.extend(publish_all(nodes[1].publish, "t", 51..=100));
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        check::complete(follower, "t", &published);
    }
    let step = redis_step(&redis, &issuer, &nodes[0]);
    assert_eq!(step["status"], "ok", "{step}");
}

/// The node sends nothing to such a server, and says why.
#[track_caller]
fn is_refused(redis: &Redis, trusted: &Issuer, why: &str) {
    let node = node(redis, trusted);
    node.wait_for_log("cannot append to the log in Redis");
    wait_for_redis_status(&node, why, |redis| {
        let failure = redis["failure"].as_str();
        failure.is_some_and(|failure| failure.contains(why))
    });
    assert!(node.log().contains(why), "{}", node.log());
    assert_eq!(http::get(node.publish, "/readyz").unwrap().status, 503);
    assert_eq!(answer_to(node.publish, "t", 1, None)[2], "log_unavailable");
    assert_eq!(
        redis.call(&["DBSIZE"]).number(),
        0,
        "{}",
        redis_status(&node)
    );
    let step = redis_step(redis, trusted, &node);
    assert_eq!(step["code"], "redis-tls", "{step}");
    let what = step["what"].as_str().expect("a text");
    assert!(what.contains(why), "{step}");
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_refused() {
    let redis = Redis::start_with_tls(&Issuer::with_certificate_for(HOST), &[]);
    is_refused(&redis, &Issuer::with_certificate_for(HOST), "UnknownIssuer");
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let issuer = Issuer::with_certificate_for("redis.invalid");
    let redis = Redis::start_with_tls(&issuer, &[]);
    is_refused(&redis, &issuer, "not valid for name");
}

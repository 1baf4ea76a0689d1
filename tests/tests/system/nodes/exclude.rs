//! Events that one page does not get, at several daemons.

use serde_json::json;
use system_tests::nodes::nodes;
use system_tests::nodes::redis::Redis;
use system_tests::publisher::Publisher;
use system_tests::wamp::Wamp;

/// Returns the number that a session has in WAMP v2.
fn number(session_id: &str) -> u64 {
    let id = u128::from_str_radix(session_id, 16).unwrap();
    1 + (id % (1 << 53)) as u64
}

#[test]
fn a_page_is_excluded_wherever_it_is_connected() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 2, &[]);
    let mut pages: Vec<_> = nodes
        .iter()
        .map(|node| Wamp::subscribed(node.web, "t"))
        .collect();
    let mut event = 0;
    for node in &nodes {
        let mut publisher = Publisher::connect(node.publish);
        publisher.send(b"[1,1]");
        assert_eq!(publisher.answer()[0], 2);
        for index in 0..pages.len() {
            let id = pages[index].session_id.clone();
            for exclude in [json!(id), json!(number(&id))] {
                // The page gets the second event only.
                let (excluded, for_all) = (event + 1, event + 2);
                event = for_all;
                let messages = format!("[14,1,\"t\",{excluded},{exclude}][3,2,\"t\",{for_all}]");
                publisher.send(messages.as_bytes());
                for request in [1, 2] {
                    let answer = publisher.answer();
                    assert_eq!((&answer[0], &answer[1]), (&json!(4), &json!(request)));
                }
                for (at, page) in pages.iter_mut().enumerate() {
                    if at != index {
                        assert_eq!(page.event("t"), excluded);
                    }
                    assert_eq!(page.event("t"), for_all);
                }
            }
        }
    }
}

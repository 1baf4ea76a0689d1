//! The lines of MOVING-FROM-PUSHER.md, in a page.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::json;
use system_tests::channels::KEY;
use system_tests::document;

use super::page::in_each_host;
use super::site::{Site, publish};

/// Returns the blocks of one language of step 2.
fn blocks(language: &str) -> Vec<String> {
    let name = "crates/pushd/MOVING-FROM-PUSHER.md";
    let page = document::read(name);
    let step = page.split("\n## ").find(|step| step.starts_with("2. "));
    let mut blocks = document::blocks_of(Path::new(name), step.unwrap());
    blocks.retain(|block| block.language == language);
    blocks.into_iter().map(|block| block.code).collect()
}

/// Does what Vite does: fills the variables of `.env` in. The scripts of the page stand for the imports.
fn build(script: &str, env: &str, pushd: SocketAddr) -> String {
    let lines = script.lines().filter(|line| !line.starts_with("import "));
    let mut built = lines.collect::<Vec<_>>().join("\n");
    for line in env.lines() {
        let (name, value) = line.split_once('=').unwrap();
        let value = match value {
            "my-app-key" => KEY.to_owned(),
            "www.example.com" => pushd.ip().to_string(),
            "8081" => pushd.port().to_string(),
            value => value.to_owned(),
        };
        let variable = format!("import.meta.env.{name}");
        assert!(built.contains(&variable), "{name}");
        built = built.replace(&variable, &format!("'{value}'"));
    }
    assert!(!built.contains("import.meta"), "{built}");
    built
}

#[test]
fn the_lines_of_the_page_connect() {
    let site = Site::start();
    let daemon = site.daemon(&[]);
    let (scripts, envs) = (blocks("js"), blocks("text"));
    assert_eq!((scripts.len(), envs.len()), (2, 2));
    in_each_host(|host| {
        for (script, env) in scripts.iter().zip(&envs) {
            let mut page = host.open(&site, daemon.web, "7");
            let script = build(script, env, daemon.web);
            // Node has no window. The class and its instance have the same name, as in a module.
            page.run(&format!(
                "globalThis.window ??= {{}}; (Echo => {{ {script} }})(globalThis.Echo);
                 window.Echo.channel('orders').listen('.shipped', event => say('shipped', event))
                     .subscribed(() => say('in', 'orders'))"
            ));
            page.heard(&json!(["in", "orders"]));
            publish(&daemon, "orders", "shipped", &json!({"id": 42}));
            page.heard(&json!(["shipped", {"id": 42}]));
        }
    });
}

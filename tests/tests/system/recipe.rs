//! The recipe without extension and library, which must continue to work.

use system_tests::WAIT_MS;
use system_tests::blog;
use system_tests::browser::Browser;
use system_tests::daemon::Daemon;
use system_tests::php::Php;
use system_tests::wamp::Wamp;
use xtask::http;
use xtask::process::wait_until;

/// Returns the form of an article: `title` and `article` urlencoded.
fn form(title: &str, article: &str) -> String {
    format!("category=kittensCategory&title={title}&article={article}")
}

#[test]
fn a_page_of_the_recipe_publishes_over_a_plain_socket_and_autobahn_js_shows_it() {
    let daemon = Daemon::start();
    let mut subscriber = Wamp::subscribed(daemon.web, "kittensCategory");
    let mut environment = blog::environment(&daemon).to_vec();
    environment.push(("PUSH_ADDRESS", daemon.push_address()));
    let apache = Php::plain().apache(blog::application().path(), "recipe", &environment);
    let mut page = Browser::start().open(&format!("http://{}/", apache.address));
    page.wait_for("document.title === 'open'");

    // 「子猫」 and 🐈, as a form sends them.
    let entry = form("%E5%AD%90%E7%8C%AB", "%F0%9F%90%88");
    let answer = http::post(apache.address, "/entry.php", &entry).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let event = subscriber.event("kittensCategory");
    assert_eq!(
        (&event["title"], &event["article"]),
        (&"子猫".into(), &"🐈".into())
    );
    // Nothing shows that the daemon has read the page's SUBSCRIBE, so the test posts until the page shows the entry.
    let shown = "document.querySelector('#log').textContent.includes('\"kittensCategory\" : 子猫')";
    let came = wait_until(WAIT_MS, || {
        http::post(apache.address, "/entry.php", &entry).unwrap();
        page.evaluate(shown) == true
    });
    assert!(came, "autobahn.js shows no event");
    assert!(
        page.problems()
            .iter()
            .all(|problem| problem.contains("favicon.ico")),
        "{:?}",
        page.problems()
    );
}

/// The recipe's own server loses entries of 65,537 bytes. 1 MB of text is 2 or 3 MB of JSON here, because
/// `json_encode` writes each of these characters in six bytes.
#[test]
fn a_large_entry_of_the_recipe_arrives_whole() {
    let daemon = Daemon::start();
    let mut subscriber = Wamp::subscribed(daemon.web, "t");
    for (character, count) in [("子", 100_000), ("あ", 350_000), ("д", 500_000)] {
        let code = format!(
            "$socket = stream_socket_client('{}');
             fwrite($socket, json_encode(['category' => 't', 'text' => str_repeat('{character}', {count})]));",
            daemon.push_address()
        );
        Php::plain().print(&code);
        let event = subscriber.event("t");
        let text = event["text"].as_str().unwrap();
        assert!(text == character.repeat(count), "{character}");
    }
}

//! Tests of the harness itself.

use system_tests::browser::Browser;
use system_tests::php::{Application, Fpm, Php, Server};
use xtask::http;

const PAGE: &str = "<?php echo 'PHP ', PHP_SAPI, ' ', $_GET['q'] ?? '', ' ', getenv('SITE');";

#[test]
fn chromium_opens_a_page_types_clicks_and_waits() {
    let application = Application::of(&[(
        "index.html",
        "<!doctype html><meta charset=utf-8><link rel=icon href=data:,><input id=name value=old><button onclick=\"setTimeout(() => \
         out.textContent = document.querySelector('#name').value, 50)\">go</button><p id=out></p>",
    )]);
    let server = Server::start(&Php::plain(), application.path(), &[]);
    let mut browser = Browser::start();
    let mut page = browser.open(&format!("http://{}/index.html", server.address));
    page.fill("#name", "新しい子猫 🐈");
    page.click("button");
    page.wait_for("out.textContent === '新しい子猫 🐈'");
    assert!(page.problems().is_empty());
    page.evaluate(
        "setTimeout(() => { throw new Error('on purpose') }); new Promise(r => setTimeout(r, 20))",
    );
    assert!(page.problems()[0].contains("on purpose"));
}

#[test]
fn apache_serves_php() {
    let application = Application::of(&[("index.php", PAGE)]);
    let environment = [("SITE", "mine".to_owned())];
    let apache = Php::plain().apache(application.path(), ".", &environment);
    let answer = http::get(apache.address, "/?q=1").unwrap();
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "PHP apache2handler 1 mine")
    );
}

#[test]
fn fpm_runs_a_script() {
    let application = Application::of(&[("index.php", PAGE)]);
    let fpm = Fpm::start(&Php::plain(), 1);
    let page = fpm.get(&application.path().join("index.php"), "q=1");
    assert!(page.ends_with("PHP fpm-fcgi 1 "), "{page}");
}

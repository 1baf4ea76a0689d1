//! One page in Chromium.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::devtools::DevTools;
use super::process::Chromium;
use crate::{WAIT_MS, workspace};

/// A page. If the test fails, it saves a screenshot and prints the page's errors.
#[derive(Debug)]
pub struct Page {
    devtools: DevTools,
    id: String,
    _chromium: Rc<Chromium>,
}

impl Page {
    #[track_caller]
    pub(super) fn attach(port: u16, id: &str, chromium: Rc<Chromium>) -> Self {
        let mut devtools = DevTools::connect(port, &format!("/devtools/page/{id}"));
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            devtools.call(domain, &json!({}));
        }
        Self {
            devtools,
            id: id.to_owned(),
            _chromium: chromium,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Opens `url` and waits until it is loaded.
    #[track_caller]
    pub fn go(&mut self, url: &str) {
        let answer = self.devtools.call("Page.navigate", &json!({"url": url}));
        assert!(
            answer["errorText"].is_null(),
            "can't open {url}: {}",
            answer["errorText"]
        );
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Returns the value of a JavaScript expression, or of the promise that it returns.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression)
            .unwrap_or_else(|error| panic!("`{expression}` failed in the page: {error}"))
    }

    /// Waits until a JavaScript expression is true. The page evaluates it at each change of the document, and at
    /// intervals for changes outside the document.
    #[track_caller]
    pub fn wait_for(&mut self, condition: &str) {
        self.wait_within(condition, WAIT_MS);
    }

    /// Waits until a JavaScript expression is true, with another deadline.
    #[track_caller]
    pub fn wait_within(&mut self, condition: &str, deadline_ms: u64) {
        let end = Instant::now() + Duration::from_millis(deadline_ms);
        loop {
            let left = end.saturating_duration_since(Instant::now()).as_millis();
            match self.try_evaluate(&when(condition, left)) {
                Ok(Value::Bool(true)) => return,
                Ok(_) => {}
                // A navigation destroyed the page's context. Retry in the next page.
                Err(error) if error.contains("navigated") || error.contains("destroyed") => {}
                Err(error) => panic!("`{condition}` failed in the page: {error}"),
            }
            assert!(
                Instant::now() < end,
                "the page did not reach `{condition}` after {deadline_ms} ms"
            );
        }
    }

    /// Types `text` into the element that `selector` finds, and replaces its content.
    #[track_caller]
    pub fn fill(&mut self, selector: &str, text: &str) {
        let found = self.evaluate(&format!(
            "(() => {{ const element = document.querySelector({selector:?}); if (!element) return false; \
             element.focus(); element.select(); return true; }})()"
        ));
        assert_eq!(found, json!(true), "there is no {selector} in the page");
        self.devtools
            .call("Input.insertText", &json!({"text": text}));
    }

    /// Chooses `value` in the select element that `selector` finds.
    #[track_caller]
    pub fn choose(&mut self, selector: &str, value: &str) {
        let chosen = self.evaluate(&format!(
            "(() => {{ const element = document.querySelector({selector:?}); if (!element) return null; \
             element.value = {value:?}; element.dispatchEvent(new Event('input', {{bubbles: true}})); \
             element.dispatchEvent(new Event('change', {{bubbles: true}})); return element.value; }})()"
        ));
        assert_eq!(chosen, json!(value), "can't choose {value} in {selector}");
    }

    /// Clicks the element that `selector` finds.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let found = self.evaluate(&format!(
            "(() => {{ const element = document.querySelector({selector:?}); if (!element) return false; \
             element.click(); return true; }})()"
        ));
        assert_eq!(found, json!(true), "there is no {selector} in the page");
    }

    /// Returns a cookie of the page's address, with its flags. Scripts cannot read all cookies.
    #[track_caller]
    pub fn cookie(&mut self, name: &str) -> Option<Value> {
        let answer = self.devtools.call("Network.getCookies", &json!({}));
        let cookies = answer["cookies"].as_array()?;
        cookies
            .iter()
            .find(|cookie| cookie["name"] == name)
            .cloned()
    }

    /// Sets the screen size in CSS pixels.
    #[track_caller]
    pub fn resize(&mut self, width: u32, height: u32) {
        self.devtools.call(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
    }

    /// Sets the preference for dark pages.
    #[track_caller]
    pub fn darken(&mut self) {
        let feature = json!({"name": "prefers-color-scheme", "value": "dark"});
        self.devtools.call(
            "Emulation.setEmulatedMedia",
            &json!({"features": [feature]}),
        );
    }

    /// Saves a screenshot in the target folder and returns its path.
    #[track_caller]
    pub fn screenshot(&mut self, name: &str) -> PathBuf {
        let answer = self.devtools.call("Page.captureScreenshot", &json!({}));
        save_picture(&answer, name).unwrap_or_else(|| panic!("no picture of {name}"))
    }

    /// Returns the page's errors: uncaught exceptions, and errors in its console.
    #[track_caller]
    pub fn problems(&mut self) -> Vec<String> {
        // The next call reads the events that have arrived.
        self.evaluate("1");
        self.devtools.events.iter().filter_map(problem).collect()
    }

    #[track_caller]
    fn try_evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.devtools.try_call("Runtime.evaluate", &params)?;
        match &answer["exceptionDetails"] {
            Value::Null => Ok(answer["result"]["value"].take()),
            details => Err(details["exception"]["description"].to_string()),
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        // A second panic would hide the first one, so errors here are ignored.
        let problems: Vec<String> = self.devtools.events.iter().filter_map(problem).collect();
        eprintln!("--- the page's problems: {problems:#?}");
        if let Ok(answer) = self.devtools.try_call("Page.captureScreenshot", &json!({}))
            && let Some(path) = save_picture(&answer, &format!("failed-{}", self.id))
        {
            eprintln!("--- the page looked like {}", path.display());
        }
    }
}

// Returns a promise. It resolves to true when the condition holds, and to false at the deadline.
fn when(condition: &str, deadline_ms: u128) -> String {
    format!(
        "new Promise((resolve, reject) => {{
            const stop = result => {{ observer.disconnect(); clearInterval(timer); clearTimeout(end); resolve(result); }};
            const look = () => {{ try {{ if ({condition}) stop(true); }} catch (error) {{ stop(false); reject(error); }} }};
            const observer = new MutationObserver(look);
            observer.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}});
            const timer = setInterval(look, 20);
            const end = setTimeout(() => stop(false), {deadline_ms});
            look();
        }})"
    )
}

fn problem(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => {
            Some(params["exceptionDetails"]["exception"]["description"].to_string())
        }
        "Log.entryAdded" if params["entry"]["level"] == "error" => Some(format!(
            "{} {}",
            params["entry"]["text"], params["entry"]["url"]
        )),
        _ => None,
    }
}

fn save_picture(answer: &Value, name: &str) -> Option<PathBuf> {
    let picture = BASE64.decode(answer["data"].as_str()?.as_bytes()).ok()?;
    let folder: &Path = &workspace().target.join("screenshots");
    fs::create_dir_all(folder).ok()?;
    let path = folder.join(format!("{name}.png"));
    fs::write(&path, picture).ok()?;
    Some(path)
}

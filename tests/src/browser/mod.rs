//! Headless Chromium. Tests drive its pages through the DevTools protocol.

mod devtools;
mod page;
mod process;

use std::rc::Rc;

use serde_json::{Value, json};

use devtools::DevTools;
use process::Chromium;

pub use page::Page;

/// A running browser with a fresh profile. It stops when this value and all of its pages are dropped.
#[derive(Debug)]
pub struct Browser {
    devtools: DevTools,
    port: u16,
    chromium: Rc<Chromium>,
}

impl Browser {
    /// Starts Chromium.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts Chromium with more flags.
    #[track_caller]
    pub fn start_with(flags: &[&str]) -> Self {
        let (chromium, port, path) = Chromium::start(flags);
        Self {
            devtools: DevTools::connect(port, &path),
            port,
            chromium: Rc::new(chromium),
        }
    }

    /// Opens a page in its own context: it shares no cookie, cache or storage with the other pages.
    #[track_caller]
    pub fn open(&mut self, url: &str) -> Page {
        let context = self
            .devtools
            .call("Target.createBrowserContext", &json!({}));
        self.open_in(&context["browserContextId"], url)
    }

    /// Opens a page that shares the cookies of `page`, like another tab.
    #[track_caller]
    pub fn open_beside(&mut self, page: &Page, url: &str) -> Page {
        let target = json!({"targetId": page.id()});
        let info = self.devtools.call("Target.getTargetInfo", &target);
        self.open_in(&info["targetInfo"]["browserContextId"], url)
    }

    #[track_caller]
    fn open_in(&mut self, context: &Value, url: &str) -> Page {
        let target = self.devtools.call(
            "Target.createTarget",
            &json!({"url": "about:blank", "browserContextId": context}),
        );
        let id = target["targetId"].as_str().expect("a target has an id");
        let mut page = Page::attach(self.port, id, Rc::clone(&self.chromium));
        page.go(url);
        page
    }
}

//! `GET /charts.json`: figures of the last minutes, hour or day.

use http::request::Parts;

use super::answer::HttpRefusal;
use super::query::parameters;
use crate::admin::{WINDOWS, Window};

/// Parses the query: `window=5m` if there is none.
pub(super) fn window(head: &Parts) -> Result<&'static Window, HttpRefusal> {
    let mut window = &WINDOWS[0];
    for (name, value) in parameters(head) {
        let known = Window::find(&value).filter(|_| name == "window");
        window = known.ok_or_else(|| {
            let names = WINDOWS.map(|window| window.name).join(", ");
            HttpRefusal::bad_request(format!("the parameter is window, one of {names}"))
        })?;
    }
    Ok(window)
}

//! Finds settings by name.

use super::setting::Setting;
use super::table::SETTINGS;

/// Lowest similarity (0 to 1) at which a setting is suggested for an unknown name.
const ALIKE_MIN: f64 = 0.75;

/// Names of options of the commands or of other servers, and the setting that is probably meant.
const OTHER_NAMES: [(&str, &str); 3] = [
    ("publish-address", "publish-listen"),
    ("address", "listen"),
    ("port", "listen"),
];

/// Returns the setting with this name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Returns the name that was probably meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    if let Some((_, meant)) = OTHER_NAMES.iter().find(|(other, _)| *other == name) {
        return Some(meant);
    }
    let likeness = |setting: &Setting| strsim::jaro_winkler(setting.name, name);
    let best = SETTINGS
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= ALIKE_MIN).then_some(best.name)
}

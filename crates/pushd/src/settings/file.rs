//! The configuration file: TOML without sections. The keys are the names of the settings.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::names::{find, nearest};
use super::origin::{Given, Mistake, Origin, Values};

/// Longest file, in bytes.
const LEN_MAX: u64 = 1024 * 1024;

/// Reads the file. Returns its values and its mistakes.
pub(super) fn read(path: &Path) -> io::Result<(Values, Vec<Mistake>)> {
    let len = fs::metadata(path)?.len();
    if len > LEN_MAX {
        let text = format!("the file has {len} bytes, the most is {LEN_MAX}");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(parse(path, &fs::read_to_string(path)?))
}

fn parse(path: &Path, text: &str) -> (Values, Vec<Mistake>) {
    let at = |span: &Range<usize>| Origin::File {
        path: path.to_owned(),
        line: line(text, span.start),
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let origin = at(&error.span().unwrap_or_default());
            return (Vec::new(), vec![Mistake::new(origin, error.message())]);
        }
    };
    let (mut given, mut mistakes) = (Vec::new(), Vec::new());
    for (key, value) in table.get_ref() {
        let origin = at(&key.span());
        let name = key.get_ref().as_ref();
        let Some(setting) = find(name) else {
            mistakes.push(Mistake::new(origin, unknown(name, value.get_ref())));
            continue;
        };
        match texts(value.get_ref()) {
            Some(texts) => given.push((setting, Given { texts, origin })),
            None => {
                let kind = value.get_ref().type_str();
                let text = format!("{name}: the value cannot be a {kind}");
                mistakes.push(Mistake::new(origin, text));
            }
        }
    }
    // The table is sorted by name. Report the mistakes in the order of the lines.
    mistakes.sort_by_key(|mistake| mistake.line());
    (given, mistakes)
}

fn unknown(name: &str, value: &DeValue<'_>) -> String {
    if value.is_table() {
        return format!("[{name}]: sections are not allowed: write all settings without one");
    }
    match nearest(name) {
        Some(nearest) => format!("unknown setting {name:?}, did you mean {nearest:?}?"),
        None => format!("unknown setting {name:?}"),
    }
}

/// Converts a value to texts, the form in which flags have it.
fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::Array(values) => values.iter().map(|value| text(value.get_ref())).collect(),
        value => Some(vec![text(value)?]),
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Returns the number of the line that contains the byte, from 1.
fn line(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().iter().take(byte);
    1 + before.filter(|&&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn mistakes(text: &str) -> Vec<String> {
        let (_, mistakes) = parse(Path::new("p.toml"), text);
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_toml_type_becomes_text() {
        let text = "log = 'warn'\n\n# comment\ntopics-max = 1_000\npublish-mode = 0o600\n\
                    listen = ['127.0.0.1:1', \"[::1]:2\"]\nping-interval = \"5s\"\n";
        let (given, mistakes) = parse(Path::new("p.toml"), text);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let mut given: Vec<_> = given
            .iter()
            .map(|(setting, given)| {
                (
                    given.origin.to_string(),
                    setting.name,
                    given.texts.join(" "),
                )
            })
            .collect();
        given.sort();
        let expected = [
            ("p.toml:1", "log", "warn"),
            ("p.toml:4", "topics-max", "1000"),
            ("p.toml:5", "publish-mode", "0o600"),
            ("p.toml:6", "listen", "127.0.0.1:1 [::1]:2"),
            ("p.toml:7", "ping-interval", "5s"),
        ];
        let expected = expected.map(|(at, name, text)| (at.to_owned(), name, text.to_owned()));
        assert_eq!(given, expected);
    }

    #[test]
    fn mistakes_have_their_line_and_the_nearest_name() {
        let text = "zzz = 1\nping-intervall = 1\noutbox_len_max = 2\n\n[limits]\ntopics-max = 1\n";
        assert_eq!(
            mistakes(text),
            [
                "p.toml:1: unknown setting \"zzz\"",
                "p.toml:2: unknown setting \"ping-intervall\", did you mean \"ping-interval\"?",
                "p.toml:3: unknown setting \"outbox_len_max\", did you mean \"outbox-len-max\"?",
                "p.toml:5: [limits]: sections are not allowed: write all settings without one",
            ]
        );
        assert_eq!(
            mistakes("\nlog = 1979-05-27\n"),
            ["p.toml:2: log: the value cannot be a datetime"]
        );
    }

    #[test]
    fn syntax_error_has_its_line() {
        for (text, line) in [
            ("log = 'info'\nlisten =\n", 2),
            ("a b", 1),
            ("log='a'\nlog='b'", 2),
        ] {
            let mistakes = mistakes(text);
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert!(
                mistakes[0].starts_with(&format!("p.toml:{line}: ")),
                "{mistakes:?}"
            );
        }
    }
}

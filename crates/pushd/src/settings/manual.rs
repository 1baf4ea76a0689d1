//! The sections of the manual pushd(8) that describe the settings, in mdoc(7). Only a test needs them: it checks that the
//! page in the repository contains them, and can write them there.

use super::setting::{Part, Reload, Setting};
use super::table::SETTINGS;

/// Longest line of text, in characters.
const WIDTH: usize = 78;

/// Explains the values of the limits.
const LIMITS: &str = "\
.Ss Limits
Limits for one browser or publisher, and for all of them together.
A
.Ar size
is a number of bytes, or has a unit, as in 64KiB or 1MiB.
A
.Ar time
has a unit, as in 25s, 250ms or 5m.
";

/// Returns the text between the manual's two marks.
fn manual() -> String {
    let mut text = String::new();
    list(&mut text, |part| part != Part::Limits);
    text.push_str(LIMITS);
    list(&mut text, |part| part == Part::Limits);
    text
}

fn list(text: &mut String, is_listed: impl Fn(Part) -> bool) {
    text.push_str(".Bl -tag -width Ds\n");
    for setting in SETTINGS.iter().filter(|setting| is_listed(setting.part)) {
        let value = setting.value_name.to_ascii_lowercase();
        text.push_str(&format!(".It Fl -{} Ar {value}\n", setting.name));
        for sentence in sentences(setting) {
            wrap(text, &sentence);
        }
    }
    text.push_str(".El\n");
}

fn sentences(setting: &Setting) -> Vec<String> {
    let help = format!("{}.", setting.help);
    let mut sentences: Vec<String> = Vec::new();
    for part in help.split_inclusive(". ") {
        sentences.push(part.trim_end().to_owned());
    }
    if let Some(default) = setting.default() {
        sentences.push(format!("The default is {default}."));
    }
    if setting.is_list {
        sentences.push("May be given several times.".to_owned());
    }
    if setting.reload == Reload::Restart {
        sentences.push("A change needs a restart.".to_owned());
    }
    sentences
}

/// Adds a sentence, which mdoc wants to begin on a line of its own.
fn wrap(text: &mut String, sentence: &str) {
    let mut len = 0;
    for word in sentence.replace('\\', "\\e").split(' ') {
        if len > 0 && len + 1 + word.len() > WIDTH {
            text.push('\n');
            len = 0;
        }
        if len > 0 {
            text.push(' ');
            len += 1;
        } else if word.starts_with(['.', '\'']) {
            // At the beginning of a line, these would begin a command.
            text.push_str("\\&");
        }
        text.push_str(word);
        len += word.len();
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man/pushd.8");
    const BEGIN: &str = ".\\\" BEGIN settings\n";
    const END: &str = ".\\\" END settings\n";

    #[test]
    fn page_contains_the_generated_sections() {
        let page = fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let fresh = [before, BEGIN, &manual(), END, after].concat();
        if env::var_os("UPDATE_MANUAL").is_some() {
            fs::write(PAGE, &fresh).unwrap();
        }
        let committed = fs::read_to_string(PAGE).unwrap();
        assert!(
            committed == fresh,
            "man/pushd.8 differs from the table of settings: run\n\
             UPDATE_MANUAL=1 cargo test -p pushd manual"
        );
    }

    #[test]
    fn text_that_looks_like_a_command_is_escaped() {
        let mut text = String::new();
        wrap(&mut text, &format!("{} .El back\\slash", "x".repeat(WIDTH)));
        let expected = format!("{}\n\\&.El back\\eslash\n", "x".repeat(WIDTH));
        assert_eq!(text, expected);
    }
}

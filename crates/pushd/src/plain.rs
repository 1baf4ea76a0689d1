//! Other people's words in a line of ours.

/// One line that does nothing to a terminal, a log or a file: without control characters.
pub(crate) fn plain(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(plain("猫\u{1b}[2J\n\u{9b}1m"), "猫\\u{1b}[2J\\n\\u{9b}1m");
    }
}

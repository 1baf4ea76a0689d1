//! Documents of the repository: their blocks of code, and YAML.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{WAIT_MS, program, workspace};

/// A block of code between fences.
#[derive(Debug)]
pub struct Block {
    /// The path of the document.
    pub document: PathBuf,
    /// The number of the line with the first fence.
    pub line: usize,
    /// The language after the fence.
    pub language: String,
    /// Whether the block lacks the word `no_run` after the language.
    pub is_run: bool,
    /// The lines between the fences.
    pub code: String,
}

impl Block {
    /// Returns the document and the line, for messages.
    pub fn place(&self) -> String {
        format!("{}:{}", self.document.display(), self.line)
    }
}

/// Returns the text of a document. Its path is relative to the workspace.
///
/// # Panics
/// If the document does not exist.
#[track_caller]
pub fn read(document: impl AsRef<Path>) -> String {
    let path = workspace().root.join(document);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the blocks of a document. Its path is relative to the workspace.
///
/// # Panics
/// If the document does not exist, or has a block without an end.
#[track_caller]
pub fn blocks(document: impl AsRef<Path>) -> Vec<Block> {
    blocks_of(document.as_ref(), &read(&document))
}

/// Returns the blocks of a text from a document.
///
/// # Panics
/// If a block has no end.
#[track_caller]
pub fn blocks_of(document: &Path, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => {
                let mut words = info.split(',');
                open = Some(Block {
                    document: document.to_owned(),
                    line: index + 1,
                    language: words.next().unwrap_or_default().to_owned(),
                    is_run: words.all(|word| word != "no_run"),
                    code: String::new(),
                });
            }
            (None, Some(block)) => block.code.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    if let Some(block) = open {
        panic!("{}: the block has no end", block.place());
    }
    blocks
}

/// Returns the first block of a document in this language.
///
/// # Panics
/// If there is none.
#[track_caller]
pub fn block(document: &str, language: &str) -> Block {
    let mut blocks = blocks(document).into_iter();
    blocks
        .find(|block| block.language == language)
        .unwrap_or_else(|| panic!("{document} has no block in {language}"))
}

/// Returns the documents of a YAML file, at least one. `place` is for messages.
///
/// # Panics
/// If it is not YAML.
#[track_caller]
pub fn yaml(place: &str, text: &str) -> Vec<Value> {
    const PARSE: &str =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.argv[1]))))";
    // The Python for which Debian builds python3-yaml.
    let mut python = Command::new("/usr/bin/python3");
    let parsed = program::run(python.args(["-c", PARSE, text]), WAIT_MS);
    assert!(parsed.status.success(), "{place}: {}", parsed.stderr);
    let json = parsed.stdout;
    let documents: Vec<Value> = serde_json::from_str(&json).expect("JSON");
    assert!(
        !documents.is_empty() && !documents.contains(&Value::Null),
        "{place}: {json}"
    );
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_lines_languages_and_code() {
        let text = "# A\n```sh\na\n\nb\n```\ntext\n```php,no_run\n```\n";
        let blocks = blocks_of(Path::new("a.md"), text);
        let found: Vec<_> = blocks
            .iter()
            .map(|block| (block.place(), &*block.language, block.is_run, &*block.code))
            .collect();
        let expected = [
            ("a.md:2".to_owned(), "sh", true, "a\n\nb\n"),
            ("a.md:8".to_owned(), "php", false, ""),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    #[should_panic(expected = "a.md:3: the block has no end")]
    fn a_block_without_an_end_panics() {
        blocks_of(Path::new("a.md"), "\n\n```sh\na\n");
    }
}

//! The blocks of code in a document of `php/`. Many of them are files of a site.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::document::{Block, blocks};
use crate::php::Php;
use crate::{WAIT_MS, program};

impl Block {
    /// Returns the path in the comment of the first line, if there is one: the block is this file.
    pub fn path(&self) -> Option<&str> {
        const COMMENTS: [(&str, &str); 4] =
            [("// ", ""), ("# ", ""), ("{# ", " #}"), ("<!-- ", " -->")];
        let line = self.code.lines().next()?;
        let path = COMMENTS
            .iter()
            .find_map(|(begin, end)| line.strip_prefix(begin)?.strip_suffix(end))?;
        (path.contains('.') && !path.contains(' ')).then_some(path)
    }

    /// Returns the content of the file: blocks of PHP omit the opening tag.
    pub fn file(&self) -> String {
        match self.language.as_str() {
            "php" if !self.code.starts_with('<') => format!("<?php\n{}", self.code),
            _ => self.code.clone(),
        }
    }
}

/// Writes the files of a document into the folder of a site.
#[track_caller]
pub fn write_files(document: &str, site: &Path) {
    for block in blocks(document) {
        if let Some(path) = block.path() {
            let path = site.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            fs::write(path, block.file()).expect("a file can be written");
        }
    }
}

/// Checks that PHP can parse a block.
#[track_caller]
pub fn parse_php(block: &Block) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("block");
    fs::write(&path, block.file()).expect("a file can be written");
    program::run(Php::plain().command().arg("-l").arg(&path), WAIT_MS).success();
}

/// Checks that Node can parse a block.
#[track_caller]
pub fn parse_javascript(block: &Block) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("block.js");
    fs::write(&path, &block.code).expect("a file can be written");
    program::run(Command::new("node").arg("--check").arg(&path), WAIT_MS).success();
}

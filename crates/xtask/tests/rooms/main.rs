//! No import cycle between the files of a crate, and in pusher-core no arrow from a lower room to a higher one.
//!
//! Two files that need each other cannot be read one after the other. The order of the rooms is in `crates/README.md`.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod arrows;
mod checker;
mod cycles;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use arrows::Arrows;
use source::Files;
use xtask::workspace::Workspace;

/// The rooms of pusher-core, in layers: a room may use the rooms of later layers only.
const ROOMS: &[&[&str]] = &[
    &["server"],
    &["publishers"],
    &["browsers", "admin"],
    &["context"],
    &["application"],
    &["nodes", "webhooks"],
    &["presence"],
    &["hub"],
    &["tickets"],
    &["connection", "spool", "store"],
    &["config"],
    &["handover", "stats", "sync", "unix_time"],
];

/// Files that present the crate to its users, and may know every room.
const FACADE: &[&str] = &["lib", "fuzzing"];

#[test]
fn no_file_is_in_an_import_cycle() {
    let files = rust_files();
    let mut cycles = String::new();
    for root in files.keys().filter(|path| is_root(path)) {
        let arrows = arrows::between_files(&source::read(&files, root));
        for group in cycles::groups(&arrows) {
            cycles += &cycles::describe(&group, &arrows);
        }
    }
    assert!(cycles.is_empty(), "\n{cycles}");
}

#[test]
fn every_arrow_between_rooms_points_down() {
    let files = rust_files();
    let root = Path::new("crates/pusher-core/src/lib.rs");
    let arrows = arrows::between_files(&source::read(&files, root));
    let src = root.parent().unwrap();
    let upward = upward(&arrows, src);
    assert!(upward.is_empty(), "\n{upward}");

    // The list names each room of the crate, and no other.
    let below = files.keys().filter(|path| path.starts_with(src));
    let found: BTreeSet<&str> = below.map(|path| room(path, src)).collect();
    let listed = ROOMS.iter().copied().flatten().chain(FACADE).copied();
    assert_eq!(found, listed.collect());
}

/// Lists the arrows that do not point to a later layer, and the files in none of the rooms.
fn upward(arrows: &Arrows, src: &Path) -> String {
    let mut lines = String::new();
    for (from, targets) in arrows {
        let from_room = room(from, src);
        for (to, path) in targets {
            let to_room = room(to, src);
            let is_allowed = FACADE.contains(&from_room)
                || from_room == to_room
                || matches!((layer(from_room), layer(to_room)), (Some(from), Some(to)) if from < to);
            if !is_allowed {
                lines += &cycles::line(from, to, path);
            }
        }
    }
    lines
}

/// Returns the first part of a file's path below `src`, without `.rs`.
fn room<'a>(file: &'a Path, src: &Path) -> &'a str {
    let below = file.strip_prefix(src).unwrap();
    let first = below.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs")
}

fn layer(room: &str) -> Option<usize> {
    ROOMS.iter().position(|layer| layer.contains(&room))
}

/// Whether cargo compiles this file as the root of a crate.
fn is_root(path: &Path) -> bool {
    let mut parts = path.iter().rev().map(|part| part.to_str().unwrap());
    match (parts.next().unwrap(), parts.next().unwrap()) {
        ("lib.rs" | "main.rs", "src") | (_, "bin" | "tests" | "benches" | "examples") => true,
        ("main.rs", _) => matches!(parts.next(), Some("tests")),
        _ => false,
    }
}

/// Reads the files of the workspace's own crates.
fn rust_files() -> Files {
    let root = Workspace::find().unwrap().root;
    let mut files = Files::new();
    for folder in ["crates", "tests"] {
        read_folder(&root, &root.join(folder), &mut files);
    }
    assert!(files.len() > 100, "only {} Rust files", files.len());
    files
}

fn read_folder(root: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            read_folder(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_owned();
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

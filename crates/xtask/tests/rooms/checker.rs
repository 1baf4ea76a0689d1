//! The checker finds cycles and upward arrows that are planted in small crates.

use std::path::Path;

use crate::source::{self, Files};
use crate::{arrows, cycles, upward};

/// Returns the cycles of a crate with these files below `src`.
fn cycles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let arrows = arrows_of(files);
    let groups = cycles::groups(&arrows);
    let named = |path: &&Path| path.strip_prefix("src").unwrap().display().to_string();
    let mut named: Vec<Vec<String>> = groups
        .iter()
        .map(|group| group.iter().map(named).collect())
        .collect();
    named.sort();
    named
}

fn arrows_of(files: &[(&str, &str)]) -> arrows::Arrows {
    let named = |(path, text): &(&str, &str)| (Path::new("src").join(path), (*text).to_owned());
    let files: Files = files.iter().map(named).collect();
    arrows::between_files(&source::read(&files, Path::new("src/lib.rs")))
}

#[test]
fn two_files_that_import_each_other_are_a_cycle() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::a::A; pub struct B;"),
    ];
    assert_eq!(cycles_of(&files), [["a.rs", "b.rs"]]);
}

#[test]
fn a_child_that_uses_its_parents_item_is_in_a_cycle_if_the_parent_uses_the_child() {
    let parent = "mod b; pub struct Parent(b::Child);";
    let child = "use super::Parent; pub struct Child;";
    let files = |parent, child| {
        [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", parent),
            ("a/b.rs", child),
        ]
    };
    assert_eq!(cycles_of(&files(parent, child)), [["a/b.rs", "a/mod.rs"]]);
    assert!(cycles_of(&files("mod b; pub use b::Child; pub struct Parent;", child)).is_empty());
    assert!(cycles_of(&files(parent, "pub struct Child;")).is_empty());
}

#[test]
fn a_path_in_a_body_or_a_macro_is_an_arrow() {
    for body in [
        "crate::b::f()",
        "let _ = vec![(1, crate::b::f())];",
        "use crate::b; b::f()",
    ] {
        let a = format!("pub fn f() {{ {body} }}");
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", a.as_str()),
            ("b.rs", "pub fn f() { crate::a::f() }"),
        ];
        assert_eq!(cycles_of(&files), [["a.rs", "b.rs"]], "{body}");
    }
}

#[test]
fn a_reexport_leads_to_the_file_with_the_item() {
    let through = |parent| {
        [
            ("lib.rs", "mod a; mod c;"),
            ("a/mod.rs", parent),
            ("a/b.rs", "use crate::c::C; pub struct B;"),
            ("c.rs", "use crate::a::B; pub struct C;"),
        ]
    };
    for parent in ["mod b; pub use b::B;", "mod b; pub use self::b::*;"] {
        assert_eq!(
            cycles_of(&through(parent)),
            [["a/b.rs", "c.rs"]],
            "{parent}"
        );
    }
}

#[test]
fn a_glob_import_of_the_parent_counts_for_the_names_in_use() {
    let files = |child| {
        [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; pub struct A; fn f() { b::g() }"),
            ("a/b.rs", child),
        ]
    };
    let using = files("use super::*; pub fn g() { let _ = A; }");
    assert_eq!(cycles_of(&using), [["a/b.rs", "a/mod.rs"]]);
    assert!(cycles_of(&files("use super::*; pub fn g() {}")).is_empty());
}

#[test]
fn a_function_with_the_name_of_a_module_does_not_hide_it() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod run; mod b; pub fn run() { b::f() }"),
        ("a/run.rs", "pub struct Run;"),
        ("a/b.rs", "use super::run::Run; pub fn f() { let _ = Run; }"),
    ];
    assert!(cycles_of(&files).is_empty());
}

#[test]
fn a_longer_cycle_is_one_group() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::a::A; pub struct C;"),
        ("d.rs", "use crate::a::A;"),
    ];
    assert_eq!(cycles_of(&files), [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn test_code_may_know_everything() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        ("b.rs", "use crate::a::A; pub struct B;"),
    ];
    assert!(cycles_of(&files).is_empty());
}

#[test]
fn an_upward_arrow_is_named() {
    let files = [
        (
            "lib.rs",
            "mod admin; mod browsers; mod server; mod stats; pub struct Own(server::Server);",
        ),
        (
            "server/mod.rs",
            "use crate::stats::Stats; pub struct Server;",
        ),
        ("stats.rs", "use crate::server::Server; pub struct Stats;"),
        ("admin.rs", "use crate::browsers::Browser;"),
        ("browsers.rs", "use crate::Own; pub struct Browser;"),
    ];
    let lines = upward(&arrows_of(&files), Path::new("src"));
    assert_eq!(
        lines,
        "    src/admin.rs -> src/browsers.rs  (crate::browsers::Browser)\n    \
         src/browsers.rs -> src/lib.rs  (crate::Own)\n    \
         src/stats.rs -> src/server/mod.rs  (crate::server::Server)\n"
    );
}

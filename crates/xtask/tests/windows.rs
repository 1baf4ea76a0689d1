//! Code that uses an API of Unix is under `#[cfg(unix)]` or a narrower condition, so that the crates compile for Windows.
//!
//! `cargo xtask test --windows` compiles the crates, which takes too long for each run of the tests.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Meta, Token, UseTree};
use xtask::workspace::Workspace;

/// The crates that are built for Windows.
const CRATES: [&str; 4] = ["pusher-proto", "pusher-core", "pushd", "libpusher"];

/// Prefixes of paths that exist on Unix only. (libc exists on Windows, but with other functions and constants.)
const ONLY_UNIX: [&str; 12] = [
    "std::os::unix",
    "std::os::fd",
    "std::os::linux",
    "tokio::net::UnixStream",
    "tokio::net::UnixListener",
    "tokio::net::unix",
    "tokio::signal::unix",
    "nix",
    "rustix",
    "libc",
    "listenfd",
    "sd_notify",
];

/// Conditions that hold on Unix only. The tests do not run on Windows.
const UNIX: [&str; 3] = ["unix", "test", "fuzzing"];

#[test]
fn what_only_unix_has_is_used_on_unix_only() {
    let root = Workspace::find().unwrap().root;
    let mut search = Search::default();
    for name in CRATES {
        let folder = root.join("crates").join(name).join("src");
        search.read(&folder.join("lib.rs"), &folder);
    }
    assert!(search.files > 100, "only {} files", search.files);
    assert!(search.found.is_empty(), "\n{}", search.found.join("\n"));
}

#[test]
fn conditions_are_understood() {
    for (text, is_unix) in [
        ("#[cfg(unix)]", true),
        ("#[cfg(target_os = \"linux\")]", true),
        ("#[cfg(all(test, not(windows)))]", true),
        ("#[cfg(all(unix, debug_assertions))]", true),
        ("#[cfg(not(unix))]", false),
        ("#[cfg(any(unix, windows))]", false),
        ("#[cfg(not(target_os = \"linux\"))]", false),
        ("#[derive(Debug)]", false),
    ] {
        let item: syn::ItemMod = syn::parse_str(&format!("{text} mod m {{}}")).unwrap();
        assert_eq!(is_unix_only(&item.attrs), is_unix, "{text}");
    }
    let mut search = Search::default();
    let code = "use std::{io, os::fd::OwnedFd}; #[cfg(unix)] use nix::unistd; fn f() { #[cfg(unix)] g(nix::x()); h(nix::y()) }";
    search.visit_file(&syn::parse_str(code).unwrap());
    assert_eq!(search.found, [": std::os::fd::OwnedFd", ": nix::y"]);
}

/// Collects the paths that exist on Unix only.
#[derive(Default)]
struct Search {
    /// The file that is read, and the folder of its modules.
    file: String,
    children: Vec<String>,
    files: usize,
    found: Vec<String>,
}

impl Search {
    /// Reads a file, and its modules in `folder`.
    fn read(&mut self, file: &Path, folder: &Path) {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        self.files += 1;
        self.file = file.display().to_string();
        self.visit_file(&parsed);
        for child in std::mem::take(&mut self.children) {
            let inner = folder.join(&child);
            let beside = folder.join(format!("{child}.rs"));
            match beside.is_file() {
                true => self.read(&beside, &inner),
                false => self.read(&inner.join("mod.rs"), &inner),
            }
        }
    }

    fn check(&mut self, path: &str) {
        let is_only_unix = ONLY_UNIX.iter().any(|begin| {
            let rest = path.strip_prefix(begin);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        if is_only_unix {
            self.found.push(format!("{}: {path}", self.file));
        }
    }

    fn check_tree(&mut self, tree: &UseTree, begin: &str) {
        let join = |name: &dyn std::fmt::Display| match begin {
            "" => name.to_string(),
            begin => format!("{begin}::{name}"),
        };
        match tree {
            UseTree::Path(part) => self.check_tree(&part.tree, &join(&part.ident)),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.check_tree(tree, begin);
                }
            }
            UseTree::Name(name) => self.check(&join(&name.ident)),
            UseTree::Rename(name) => self.check(&join(&name.ident)),
            UseTree::Glob(_) => self.check(begin),
        }
    }
}

/// Leaves out the node if an attribute says that it is for Unix only.
macro_rules! visit_unless_unix {
    ($($visit:ident($node:ident: $kind:ty) = $attributes:expr;)*) => {
        $(fn $visit(&mut self, $node: &'ast $kind) {
            if !is_unix_only($attributes) {
                visit::$visit(self, $node);
            }
        })*
    };
}

impl<'ast> Visit<'ast> for Search {
    visit_unless_unix! {
        visit_item_const(node: syn::ItemConst) = &node.attrs;
        visit_item_enum(node: syn::ItemEnum) = &node.attrs;
        visit_item_fn(node: syn::ItemFn) = &node.attrs;
        visit_item_impl(node: syn::ItemImpl) = &node.attrs;
        visit_item_static(node: syn::ItemStatic) = &node.attrs;
        visit_item_struct(node: syn::ItemStruct) = &node.attrs;
        visit_item_trait(node: syn::ItemTrait) = &node.attrs;
        visit_item_type(node: syn::ItemType) = &node.attrs;
        visit_impl_item_const(node: syn::ImplItemConst) = &node.attrs;
        visit_impl_item_fn(node: syn::ImplItemFn) = &node.attrs;
        visit_trait_item_fn(node: syn::TraitItemFn) = &node.attrs;
        visit_field(node: syn::Field) = &node.attrs;
        visit_field_value(node: syn::FieldValue) = &node.attrs;
        visit_variant(node: syn::Variant) = &node.attrs;
        visit_arm(node: syn::Arm) = &node.attrs;
        visit_local(node: syn::Local) = &node.attrs;
        visit_expr_block(node: syn::ExprBlock) = &node.attrs;
        visit_expr_call(node: syn::ExprCall) = &node.attrs;
        visit_expr_if(node: syn::ExprIf) = &node.attrs;
        visit_expr_method_call(node: syn::ExprMethodCall) = &node.attrs;
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_unix_only(&module.attrs) {
            return;
        }
        match &module.content {
            Some(_) => visit::visit_item_mod(self, module),
            None => self.children.push(module.ident.to_string()),
        }
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        if !is_unix_only(&import.attrs) {
            self.check_tree(&import.tree, "");
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts = path.segments.iter().map(|part| part.ident.to_string());
        let parts: Vec<_> = parts.collect();
        if parts.len() > 1 {
            self.check(&parts.join("::"));
        }
        visit::visit_path(self, path);
    }
}

fn is_unix_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args()
                .is_ok_and(|condition| holds_on_unix_only(&condition))
    })
}

fn holds_on_unix_only(condition: &Meta) -> bool {
    let parts = |list: &syn::MetaList| {
        let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
        list.parse_args_with(parse).unwrap_or_default()
    };
    match condition {
        Meta::Path(name) => UNIX.iter().any(|unix| name.is_ident(unix)),
        Meta::NameValue(pair) => pair.path.is_ident("target_os"),
        Meta::List(list) if list.path.is_ident("all") => parts(list).iter().any(holds_on_unix_only),
        Meta::List(list) if list.path.is_ident("any") => parts(list).iter().all(holds_on_unix_only),
        Meta::List(list) if list.path.is_ident("not") => parts(list)
            .iter()
            .all(|part| part.path().is_ident("windows")),
        Meta::List(_) => false,
    }
}

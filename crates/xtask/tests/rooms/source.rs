//! Reads the modules of a crate: what each file declares, imports and mentions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Meta, Token, UseTree, Visibility};

/// Rust files by their paths.
pub(crate) type Files = BTreeMap<PathBuf, String>;

/// The modules of one crate, by their paths from the crate's root.
pub(crate) type Modules = BTreeMap<Name, Module>;

/// The path of a module or an item: `["hub", "flusher"]`.
pub(crate) type Name = Vec<String>;

/// One module. Inline modules share their parent's file.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The file with this module's items.
    pub(crate) file: PathBuf,
    /// The names of items that are not modules or imports.
    pub(crate) items: BTreeSet<String>,
    /// Imports, by the names that they bring into scope.
    pub(crate) imports: BTreeMap<String, Import>,
    /// The modules of `use module::*`.
    pub(crate) globs: Vec<Name>,
    /// Every path in a signature, a body or a macro call.
    pub(crate) mentions: BTreeSet<Name>,
}

/// One name that a `use` declares.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    /// The imported path.
    pub(crate) path: Name,
    /// Whether other modules can import the name from here.
    pub(crate) is_public: bool,
}

/// Parses the crate with this root file. Code under `#[cfg(test)]` is left out.
pub(crate) fn read(files: &Files, root: &Path) -> Modules {
    let mut modules = Modules::new();
    read_file(files, root, root.parent().unwrap(), &[], &mut modules);
    modules
}

fn read_file(files: &Files, file: &Path, folder: &Path, name: &[String], modules: &mut Modules) {
    let text = &files[file];
    let parsed =
        syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    read_items(files, file, folder, name, &parsed.items, modules);
}

/// Reads one module. `folder` holds the files of its children.
fn read_items(
    files: &Files,
    file: &Path,
    folder: &Path,
    name: &[String],
    items: &[Item],
    modules: &mut Modules,
) {
    let mut module = Module {
        file: file.to_owned(),
        ..Module::default()
    };
    for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
        match item {
            Item::Mod(child) => {
                let name = [name, &[child.ident.to_string()]].concat();
                read_child(files, file, folder, &name, child, modules);
            }
            Item::Use(import) => module.import(import),
            item => {
                module.items.extend(declared(item));
                module.visit_item(item);
            }
        }
    }
    modules.insert(name.to_vec(), module);
}

fn read_child(
    files: &Files,
    parent: &Path,
    folder: &Path,
    name: &[String],
    child: &ItemMod,
    modules: &mut Modules,
) {
    let last = name.last().unwrap();
    let inner = folder.join(last);
    if let Some((_, items)) = &child.content {
        return read_items(files, parent, &inner, name, items, modules);
    }
    let beside = folder.join(format!("{last}.rs"));
    let file = if files.contains_key(&beside) {
        beside
    } else {
        inner.join("mod.rs")
    };
    if files.contains_key(&file) {
        read_file(files, &file, &inner, name, modules);
    } else {
        // Only a module whose file another system or configuration has under another name.
        let is_conditional = child
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("path"));
        assert!(is_conditional, "{}: no file for {last}", parent.display());
    }
}

impl Module {
    fn import(&mut self, import: &ItemUse) {
        let is_public = !matches!(import.vis, Visibility::Inherited);
        let start = match import.leading_colon {
            Some(_) => vec![String::new()],
            None => Vec::new(),
        };
        self.import_tree(&import.tree, start, is_public);
    }

    fn import_tree(&mut self, tree: &UseTree, mut path: Name, is_public: bool) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import_tree(&part.tree, path, is_public);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import_tree(tree, path.clone(), is_public);
                }
            }
            UseTree::Name(name) => self.import_as(name.ident.to_string(), None, path, is_public),
            UseTree::Rename(name) => {
                let rename = Some(name.rename.to_string());
                self.import_as(name.ident.to_string(), rename, path, is_public);
            }
            UseTree::Glob(_) => self.globs.push(path),
        }
    }

    fn import_as(&mut self, name: String, rename: Option<String>, mut path: Name, is_public: bool) {
        if name != "self" {
            path.push(name);
        }
        let Some(last) = path.last() else { return };
        let mut key = rename.unwrap_or_else(|| last.clone());
        if key == "_" {
            key = format!("_ {}", path.join("::"));
        }
        self.imports.insert(key, Import { path, is_public });
    }

    /// Adds the paths in the arguments of a macro, which syn does not parse.
    fn mention_tokens(&mut self, tokens: TokenStream) {
        let mut path = Name::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.mention(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.mention(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.mention_tokens(group.stream());
                    }
                }
            }
        }
        self.mention(path);
    }

    fn mention(&mut self, path: Name) {
        if !path.is_empty() {
            self.mentions.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    /// An import within a function.
    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        self.import(import);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.mention(
            path.segments
                .iter()
                .map(|part| part.ident.to_string())
                .collect(),
        );
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.mention_tokens(call.tokens.clone());
    }
}

fn declared(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether `#[cfg(test)]` or `#[cfg(any(test, fuzzing))]` is among the attributes.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args().is_ok_and(|meta| needs_tests(&meta))
    })
}

fn needs_tests(condition: &Meta) -> bool {
    let parts = |list: &syn::MetaList| {
        let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
        list.parse_args_with(parse).unwrap_or_default()
    };
    match condition {
        Meta::Path(name) => name.is_ident("test") || name.is_ident("fuzzing"),
        Meta::List(list) if list.path.is_ident("any") => parts(list).iter().all(needs_tests),
        Meta::List(list) if list.path.is_ident("all") => parts(list).iter().any(needs_tests),
        _ => false,
    }
}

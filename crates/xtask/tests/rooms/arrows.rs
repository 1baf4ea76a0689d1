//! Which file of a crate uses an item of which other file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source::{Modules, Name};

/// The files that each file uses, with one path as an example.
pub(crate) type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// Returns the arrows between the files of a crate.
///
/// `mod` lines and re-exports are no arrows. A path leads to the file that defines its item, through all re-exports.
pub(crate) fn between_files(modules: &Modules) -> Arrows {
    let mut arrows = Arrows::new();
    for (name, module) in modules {
        let imports = module.imports.values().filter(|import| !import.is_public);
        let paths = imports.map(|import| &import.path).chain(&module.mentions);
        for path in paths {
            if let Some(file) = defining_file(modules, name, path)
                && file != module.file
            {
                let targets = arrows.entry(module.file.clone()).or_default();
                let example = || path.join("::");
                targets.entry(file.to_owned()).or_insert_with(example);
            }
        }
    }
    arrows
}

/// Finds the file that defines the item at `path`, as seen from the module `at`. `None`: the path leads to a module,
/// to another crate or to a local name.
fn defining_file<'a>(modules: &'a Modules, at: &[String], path: &[String]) -> Option<&'a Path> {
    let mut search = Search {
        modules,
        tried: BTreeSet::new(),
    };
    match search.resolve(at, path)? {
        Target::Item(file) => Some(file),
        Target::Module(_) => None,
    }
}

enum Target<'a> {
    /// The file that defines the item.
    Item(&'a Path),
    Module(Name),
}

struct Search<'a> {
    modules: &'a Modules,
    /// Names that were looked up, with their modules. Re-exports and globs can lead in a circle.
    tried: BTreeSet<(Name, String)>,
}

impl<'a> Search<'a> {
    fn resolve(&mut self, at: &[String], path: &[String]) -> Option<Target<'a>> {
        let mut place = at.to_vec();
        let mut rest = path;
        while let Some((first, tail)) = rest.split_first() {
            match first.as_str() {
                "crate" => place.clear(),
                "self" => {}
                "super" => {
                    place.pop()?;
                }
                _ => break,
            }
            rest = tail;
        }
        self.descend(place, rest)
    }

    fn descend(&mut self, place: Name, rest: &[String]) -> Option<Target<'a>> {
        let Some((first, tail)) = rest.split_first() else {
            return Some(Target::Module(place));
        };
        let module = self.modules.get(&place)?;
        let child = [place.as_slice(), std::slice::from_ref(first)].concat();
        let is_module = self.modules.contains_key(&child);
        // A function can have the name of a module, but nothing follows it.
        if module.items.contains(first) && (!is_module || tail.is_empty()) {
            return Some(Target::Item(&module.file));
        }
        if is_module {
            return self.descend(child, tail);
        }
        if !self.tried.insert((place.clone(), first.clone())) {
            return None;
        }
        if let Some(import) = module.imports.get(first) {
            return match self.resolve(&place, &import.path)? {
                Target::Module(name) => self.descend(name, tail),
                item => Some(item),
            };
        }
        module.globs.iter().find_map(|glob| {
            match self.resolve(&place, glob)? {
                Target::Module(name) => self.descend(name, rest),
                // `use Enum::*`: the names of the variants are unknown here. The file imports the enum as well.
                Target::Item(_) => None,
            }
        })
    }
}

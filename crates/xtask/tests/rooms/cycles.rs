//! Cycles among files.

use std::collections::BTreeSet;
use std::path::Path;

use crate::arrows::Arrows;

/// Returns the groups of files in which each file uses each other one, directly or not.
pub(crate) fn groups(arrows: &Arrows) -> Vec<BTreeSet<&Path>> {
    let mut groups = BTreeSet::new();
    for file in arrows.keys() {
        let group: BTreeSet<&Path> = reachable(arrows, file)
            .into_iter()
            .filter(|other| reachable(arrows, other).contains(file.as_path()))
            .collect();
        if group.len() > 1 {
            groups.insert(group);
        }
    }
    groups.into_iter().collect()
}

/// Returns the files that `start` uses, directly or not. `start` is among them only if it is in a cycle.
fn reachable<'a>(arrows: &'a Arrows, start: &Path) -> BTreeSet<&'a Path> {
    let mut found = BTreeSet::new();
    let mut open = vec![start];
    while let Some(file) = open.pop() {
        for target in arrows
            .get(file)
            .into_iter()
            .flat_map(|targets| targets.keys())
        {
            if found.insert(target.as_path()) {
                open.push(target);
            }
        }
    }
    found
}

/// Lists the arrows inside a group, one a line.
pub(crate) fn describe(group: &BTreeSet<&Path>, arrows: &Arrows) -> String {
    let mut lines = format!("a cycle of {} files:\n", group.len());
    for file in group {
        let targets = arrows[*file].iter();
        for (target, path) in targets.filter(|(target, _)| group.contains(target.as_path())) {
            lines += &line(file, target, path);
        }
    }
    lines
}

/// One arrow: both files and the path that the first one mentions.
pub(crate) fn line(from: &Path, to: &Path, path: &str) -> String {
    format!("    {} -> {}  ({path})\n", from.display(), to.display())
}

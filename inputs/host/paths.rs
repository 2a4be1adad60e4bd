//! Paths with wildcards, found on the file system as Go's `filepath.Glob` does.
//!
//! `*`, `?` and `[...]` stand for parts of one name: none of them matches a slash.

use agent_golang::glob::{Glob, GlobError};
use std::path::{Path, PathBuf};

/// At most so many paths are given.
const LIMIT: usize = 100_000;

/// Whether a path has wildcards.
pub fn has_wildcards(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The paths that match, sorted. A path without wildcards is given if it exists.
pub fn glob(pattern: &str) -> Result<Vec<PathBuf>, GlobError> {
    let mut found = vec![PathBuf::from(if pattern.starts_with('/') { "/" } else { "" })];
    for part in pattern.split('/').filter(|p| !p.is_empty()) {
        if !has_wildcards(part) {
            found.iter_mut().for_each(|p| p.push(part));
            found.retain(|p| p.symlink_metadata().is_ok());
            continue;
        }
        let glob = Glob::compile(part, &[])?;
        found = found.iter().flat_map(|folder| children(folder, &glob)).take(LIMIT).collect();
    }
    found.sort();
    Ok(found)
}

fn children(folder: &Path, glob: &Glob) -> Vec<PathBuf> {
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(shown) else { return Vec::new() };
    let names = entries.flatten().map(|e| e.file_name());
    names.filter(|n| n.to_str().is_some_and(|n| glob.is_match(n))).map(|n| folder.join(n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn wildcards_stand_for_parts_of_one_name() {
        let tree = Tree::of(&[("a/x.log", ""), ("a/y.txt", ""), ("b/x.log", ""), ("b/c/x.log", "")]);
        let root = tree.path().to_str().unwrap();
        let found = |pattern: &str| {
            let paths = glob(&format!("{root}/{pattern}")).unwrap();
            paths.iter().map(|p| p.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("*/x.log"), ["a/x.log", "b/x.log"]);
        assert_eq!(found("a/[xy].???"), ["a/x.log", "a/y.txt"]);
        assert_eq!(found("b/c"), ["b/c"]);
        assert_eq!(found("*/none"), [""; 0]);
    }
}

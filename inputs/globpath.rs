//! Finding files by a pattern: `*`, `?`, `[...]`, `{a,b}` within one part of a path, `**` for any number of folders.

use agent_api::{Result, ensure};
use agent_golang::glob::Glob;
use std::path::{Path, PathBuf};

/// A pattern finds at most so many paths.
const MOST: usize = 1_000_000;
/// Folders are searched so deep below a `**`.
const DEPTH: usize = 128;

/// A path pattern, compiled.
#[derive(Clone, Debug)]
pub(crate) struct GlobPath {
    root: PathBuf,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    /// A plain name.
    Name(String),
    /// A pattern of one part.
    Glob(Glob),
    /// Any number of folders, also none.
    Any,
    /// All that is left of a pattern from a part such as `**.log` on, which may stand for many parts.
    Deep(Glob),
}

impl GlobPath {
    /// Compiles a pattern; an error quotes it.
    pub(crate) fn new(pattern: &str) -> Result<Self> {
        let root = if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() };
        let mut parts = Vec::new();
        let texts: Vec<&str> = pattern.split('/').filter(|p| !p.is_empty()).collect();
        for (i, part) in texts.iter().enumerate() {
            parts.push(match *part {
                "**" => Part::Any,
                p if p.contains("**") => {
                    let glob = Glob::compile(&texts[i..].join("/"), &['/']);
                    parts.push(Part::Deep(
                        glob.map_err(|e| agent_api::anyhow!("could not compile glob {pattern:?}: {e}"))?,
                    ));
                    break;
                }
                p if has_meta(p) => Part::Glob(
                    Glob::compile(p, &['/'])
                        .map_err(|e| agent_api::anyhow!("could not compile glob {pattern:?}: {e}"))?,
                ),
                p => Part::Name(p.to_owned()),
            });
        }
        ensure!(!parts.is_empty() || pattern == "/", "empty path");
        Ok(GlobPath { root, parts })
    }

    /// True if it is a plain path.
    #[cfg(any(feature = "exec", feature = "file", feature = "pcap", feature = "tail"))]
    pub(crate) fn is_plain(&self) -> bool {
        self.parts.iter().all(|p| matches!(p, Part::Name(_)))
    }

    /// The paths that are there now, sorted: files and folders.
    pub(crate) fn matches(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.root, &self.parts, 0, &mut found);
        found.sort();
        found.dedup();
        found
    }

    /// The files (not folders) that are there now, sorted.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = self.matches();
        found.retain(|p| !p.is_dir());
        found
    }
}

/// True if a text has a character that means something in a pattern.
fn has_meta(text: &str) -> bool {
    text.contains(['*', '?', '[', '{', '\\'])
}

fn walk(at: &Path, parts: &[Part], depth: usize, found: &mut Vec<PathBuf>) {
    if found.len() >= MOST || depth > DEPTH {
        return;
    }
    let Some((part, rest)) = parts.split_first() else {
        if at.symlink_metadata().is_ok() {
            found.push(at.to_path_buf());
        }
        return;
    };
    match part {
        Part::Name(name) => walk(&at.join(name), rest, depth, found),
        Part::Glob(glob) => {
            for (name, path) in children(at) {
                if glob.is_match(&name) && (rest.is_empty() || path.is_dir()) {
                    walk(&path, rest, depth, found);
                }
            }
        }
        Part::Deep(glob) => deep(at, "", glob, depth, found),
        Part::Any => {
            if !rest.is_empty() {
                walk(at, rest, depth, found);
            }
            for (_, path) in children(at) {
                // A link to a folder above would never end.
                let folder = path.symlink_metadata().is_ok_and(|m| m.is_dir());
                if rest.is_empty() {
                    found.push(path.clone());
                }
                if folder {
                    walk(&path, parts, depth + 1, found);
                }
            }
        }
    }
}

/// What is below `at`, whose path from the pattern's part on is `above`.
fn deep(at: &Path, above: &str, glob: &Glob, depth: usize, found: &mut Vec<PathBuf>) {
    if found.len() >= MOST || depth > DEPTH {
        return;
    }
    for (name, path) in children(at) {
        let text = if above.is_empty() { name } else { format!("{above}/{name}") };
        if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
            deep(&path, &text, glob, depth + 1, found);
        }
        if glob.is_match(&text) {
            found.push(path);
        }
    }
}

/// Names and paths of what is in a folder; nothing if it cannot be read.
fn children(folder: &Path) -> Vec<(String, PathBuf)> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    entries
        .flatten()
        .take(MOST)
        .map(|e| {
            let name = e.file_name();
            (name.to_string_lossy().into_owned(), folder.join(name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_parts_and_below_any_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for folder in ["a/b/c", "a/d"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["a/1.log", "a/2.txt", "a/b/3.log", "a/b/c/4.log", "a/d/5.log"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        let find = |pattern: &str| -> Vec<String> {
            let found = GlobPath::new(&format!("{}/{pattern}", root.display())).unwrap().files();
            found.iter().map(|p| p.strip_prefix(root).unwrap().display().to_string()).collect()
        };
        assert_eq!(find("a/*.log"), ["a/1.log"]);
        assert_eq!(find("a/?.{log,txt}"), ["a/1.log", "a/2.txt"]);
        assert_eq!(find("a/**/*.log"), ["a/1.log", "a/b/3.log", "a/b/c/4.log", "a/d/5.log"]);
        assert_eq!(find("a/*/[0-4].log"), ["a/b/3.log"]);
        assert_eq!(find("a/b/**"), ["a/b/3.log", "a/b/c/4.log"]);
        assert_eq!(find("a/**.log"), ["a/1.log", "a/b/3.log", "a/b/c/4.log", "a/d/5.log"]);
        assert_eq!(find("a/**c/4.log"), ["a/b/c/4.log"]);
        assert_eq!(find("a/2.txt"), ["a/2.txt"]);
        assert!(find("a/none.txt").is_empty() && find("nowhere/*").is_empty());
    }
}

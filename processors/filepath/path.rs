//! Paths as texts: elements between `/`, without a look at any disk (Go package `path/filepath`).

use std::borrow::Cow;

/// The last element; "." of nothing, "/" of nothing but that.
pub(super) fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (trimmed.is_empty(), path.is_empty()) {
        (_, true) => ".",
        (true, false) => "/",
        (false, _) => &trimmed[trimmed.rfind('/').map_or(0, |at| at + 1)..],
    }
}

/// All before the last element, clean.
pub(super) fn dir(path: &str) -> Cow<'_, str> {
    clean(&path[..path.rfind('/').map_or(0, |at| at + 1)])
}

/// The last element without what follows its last dot.
pub(super) fn stem(path: &str) -> &str {
    let base = base(path);
    // The ending is that of the whole text, so a `/` at the end means that there is none.
    let element = &path[path.rfind('/').map_or(0, |at| at + 1)..];
    let ending = element.rfind('.').map_or("", |at| &element[at..]);
    base.strip_suffix(ending).unwrap_or(base)
}

/// The shortest path that means the same: no `.`, no `..` but at the begin, no `/` twice or at the end.
pub(super) fn clean(path: &str) -> Cow<'_, str> {
    let is_clean =
        |(i, part): (usize, &str)| !matches!(part, "" | "." | "..") || (i == 0 && part.is_empty() && path.len() > 1);
    if path == "/" || path.split('/').enumerate().all(is_clean) {
        return Cow::Borrowed(path);
    }
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => drop(parts.pop()),
                _ if rooted => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => Cow::Owned(format!("/{}", parts.join("/"))),
        (false, true) => Cow::Borrowed("."),
        (false, false) => Cow::Owned(parts.join("/")),
    }
}

/// The path as seen from `base`; nothing if only one of them begins at the root, or `base` leads above what is known.
pub(super) fn relative(base: &str, path: &str) -> Option<String> {
    let (base, path) = (clean(base), clean(path));
    if base == path {
        return Some(".".to_owned());
    }
    if base.starts_with('/') != path.starts_with('/') {
        return None;
    }
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
    };
    let (base, path) = (parts(&base), parts(&path));
    let same = base.iter().zip(&path).take_while(|(a, b)| a == b).count();
    if base[same..].iter().any(|part| part == "..") {
        return None;
    }
    let up = base[same..].iter().map(|_| "..");
    let down = path[same..].iter().map(String::as_str);
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        assert_eq!(["/a/b.c", "/a/b/", "file", "", "/", "//"].map(base), ["b.c", "b", "file", ".", "/", "/"]);
        assert_eq!(["/a/b.c", "/a/b/", "file", "", "/", "a//b"].map(dir), ["/a", "/a/b", ".", ".", "/", "a"]);
        assert_eq!(["/a/b.tar.gz", "/a/.hidden", "/a.b/", "x", ""].map(stem), ["b.tar", "", "a.b", "x", "."]);
    }

    #[test]
    fn paths_are_made_short() {
        let texts = ["/a/./b/../c", "a//b/", "../../x", "/../x", "./", "a/..", "/", "", "/a", "a/b"];
        assert_eq!(texts.map(clean), ["/a/c", "a/b", "../../x", "/x", ".", ".", "/", ".", "/a", "a/b"]);
    }

    #[test]
    fn paths_are_seen_from_elsewhere() {
        let seen = |base, path| relative(base, path);
        assert_eq!(seen("/var/log", "/var/log/a/b").as_deref(), Some("a/b"));
        assert_eq!(seen("/var/log", "/var/lib").as_deref(), Some("../lib"));
        assert_eq!(seen("/a", "/a/").as_deref(), Some("."));
        assert_eq!(seen(".", "a").as_deref(), Some("a"));
        assert_eq!([seen("/a", "b"), seen("../a", "b")], [None, None]);
    }
}

//! Paths with slashes (Go package `path`; sprig, "Path Functions").

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("base", 1, |args| Ok(base(args.text(0)?).to_owned().into())),
    Function::new("osBase", 1, |args| Ok(base(args.text(0)?).to_owned().into())),
    Function::new("dir", 1, |args| Ok(dir(args.text(0)?).into())),
    Function::new("osDir", 1, |args| Ok(dir(args.text(0)?).into())),
    Function::new("clean", 1, |args| Ok(clean(args.text(0)?).into())),
    Function::new("osClean", 1, |args| Ok(clean(args.text(0)?).into())),
    Function::new("ext", 1, |args| Ok(extension(args.text(0)?).to_owned().into())),
    Function::new("osExt", 1, |args| Ok(extension(args.text(0)?).to_owned().into())),
    Function::new("isAbs", 1, |args| Ok(args.text(0)?.starts_with('/').into())),
    Function::new("osIsAbs", 1, |args| Ok(args.text(0)?.starts_with('/').into())),
];

/// What follows the last slash, slashes at the end aside; "." for nothing.
fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some("") | None => "/",
        Some(base) => base,
    }
}

fn dir(path: &str) -> String {
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    clean(&path[..end])
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |point| &name[point..])
}

/// The shortest name of the same place: no `.`, no empty parts, `..` taken up by the part before it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

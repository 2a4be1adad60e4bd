//! Rewrites the classes of a pattern: brackets, `\d` and its like, `\p{Greek}`.

use super::translate::{escaped_char, push_char};

/// What the escape `\d`, `\s`, `\w` or an opposite of them stands for: ASCII only, and without the vertical tab.
pub(super) fn perl(letter: u8) -> Option<&'static str> {
    match letter {
        b'd' => Some("[0-9]"),
        b'D' => Some("[^0-9]"),
        b's' => Some(r"[\t\n\f\r ]"),
        b'S' => Some(r"[^\t\n\f\r ]"),
        b'w' => Some("[0-9A-Za-z_]"),
        b'W' => Some("[^0-9A-Za-z_]"),
        _ => None,
    }
}

/// Rewrites a class that begins with `[`; gives what follows it.
pub(super) fn translate<'p>(text: &'p str, out: &mut String) -> Result<&'p str, String> {
    let mut rest = &text[1..];
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    while first || !rest.starts_with(']') {
        first = false;
        if let Some(after) = posix(rest, out)? {
            rest = after;
            continue;
        }
        if let [b'\\', letter, ..] = rest.as_bytes() {
            if matches!(letter, b'p' | b'P') {
                rest = unicode(rest, out)?;
                continue;
            }
            if let Some(class) = perl(*letter) {
                out.push_str(class);
                rest = &rest[2..];
                continue;
            }
        }
        let (low, after) = char(rest)?;
        let mut high = low;
        rest = after;
        // A hyphen before the end stands for itself.
        let range = rest.strip_prefix('-').filter(|after| !after.is_empty() && !after.starts_with(']'));
        if let Some(after) = range {
            (high, rest) = char(after)?;
            if high < low {
                return Err(format!("invalid character class range {:?}", format!("{low}-{high}")));
            }
        }
        push_char(low, out);
        if high > low {
            out.push('-');
            push_char(high, out);
        }
    }
    out.push(']');
    Ok(&rest[1..])
}

fn char(text: &str) -> Result<(char, &str), String> {
    match text.chars().next() {
        Some('\\') => escaped_char(text),
        Some(char) => Ok((char, &text[char.len_utf8()..])),
        None => Err("missing closing ]".to_owned()),
    }
}

/// Copies `[:alpha:]` or `[:^alpha:]`; `None` if the text begins otherwise.
fn posix<'p>(text: &'p str, out: &mut String) -> Result<Option<&'p str>, String> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ];
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|name| name.split_once(":]")) else {
        return Ok(None);
    };
    if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(format!("invalid character class range \"[:{name}:]\""));
    }
    out.push_str(&text[..text.len() - rest.len()]);
    Ok(Some(rest))
}

/// Rewrites `\pL`, `\p{Greek}`, `\p{^Greek}` or their opposites; gives what follows.
pub(super) fn unicode<'p>(text: &'p str, out: &mut String) -> Result<&'p str, String> {
    let mut negated = text.as_bytes()[1] == b'P';
    let after = &text[2..];
    let invalid = || "invalid character class range \\p".to_owned();
    let (mut name, rest) = match after.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or_else(invalid)?,
        None => {
            let char = after.chars().next().ok_or_else(invalid)?;
            after.split_at(char.len_utf8())
        }
    };
    if let Some(inner) = name.strip_prefix('^') {
        negated = !negated;
        name = inner;
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(format!("invalid character class range \"\\p{{{name}}}\""));
    }
    out.push_str(if negated { r"\P{" } else { r"\p{" });
    out.push_str(name);
    out.push('}');
    Ok(rest)
}

//! The variables of the process (sprig, "OS Functions"; Go package `os`, functions `Getenv` and `ExpandEnv`).

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("env", 1, |args| Ok(variable(args.text(0)?).into())),
    Function::new("expandenv", 1, |args| Ok(expand(args.text(0)?, variable).into())),
];

/// The value of a variable; nothing if it is not set or no text.
fn variable(name: &str) -> String {
    // The standard library panics at names that no variable can have.
    if name.is_empty() || name.contains(['=', '\0']) {
        return String::new();
    }
    std::env::var(name).unwrap_or_default()
}

/// The text with `$NAME` and `${NAME}` replaced; a name of one special character or digit needs no braces.
fn expand(text: &str, variable: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(braced) = after.strip_prefix('{') {
            rest = match braced.split_once('}') {
                // Braces that hold nothing are taken out; those that do not close, alone.
                Some(("", after)) => after,
                Some((name, after)) => {
                    out.push_str(&variable(name));
                    after
                }
                None => braced,
            };
            continue;
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = match after.chars().next() {
            Some('*' | '#' | '$' | '@' | '!' | '?' | '-' | '0'..='9') => 1,
            _ => after.find(|c| !word(c)).unwrap_or(after.len()),
        };
        match end {
            0 => out.push('$'),
            _ => out.push_str(&variable(&after[..end])),
        }
        rest = &after[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced() {
        let own = |name: &str| format!("<{name}>");
        for (text, want) in
            [("a $B_1-${C d}.$", "a <B_1>-<C d>.$"), ("$1x ${} ${open $é $$", "<1>x  open $é <$>"), ("plain", "plain")]
        {
            assert_eq!(expand(text, own), want, "{text}");
        }
        assert_eq!(variable("A=B"), "");
        assert!(!variable("PATH").is_empty());
    }
}

//! Names of metrics and labels: made valid when a metric comes, escaped for readers that do not take all of UTF-8.
//!
//! The older rule is ASCII only: `[a-zA-Z_:][a-zA-Z0-9_:]*`, labels without the colon. Since Prometheus 3 a name may be any
//! text; a reader says by `escaping=` in its header `Accept` what it takes (prometheus.io/docs/instrumenting/escaping_schemes).

use agent_api::{Result, bail};
use std::borrow::Cow;
use std::fmt::Write;

/// What names are made to fit when a metric comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sanitization {
    /// The older rule.
    #[default]
    Legacy,
    /// Any text.
    Utf8,
}

/// How names that break the older rule are shown to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escaping {
    /// As they are, in quotes.
    AllowUtf8,
    /// An underscore for each character.
    Underscores,
    /// `_dot_` for a point, two underscores for any other and for an underscore.
    Dots,
    /// `U__` before the name and `_code_` for a character.
    Values,
}

impl Sanitization {
    /// The value of an option: `legacy`, which is also meant by nothing, or `utf8`.
    pub fn named(option: &str, name: &str) -> Result<Self> {
        match name {
            "" | "legacy" => Ok(Sanitization::Legacy),
            "utf8" => Ok(Sanitization::Utf8),
            other => bail!("{option}: {other:?} is none of legacy, utf8"),
        }
    }

    /// A name of a metric; None if nothing of it is left.
    pub fn metric(self, name: &str) -> Option<Cow<'_, str>> {
        self.fit(name, true)
    }

    /// A name of a label; None if nothing of it is left.
    pub fn label(self, name: &str) -> Option<Cow<'_, str>> {
        self.fit(name, false)
    }

    fn fit(self, name: &str, colon: bool) -> Option<Cow<'_, str>> {
        if name.is_empty() {
            return None;
        }
        // Almost all names are good as they are, and this is asked of every label of every metric.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b':' && colon;
        if self == Sanitization::Utf8 || name.bytes().all(plain) && !name.as_bytes()[0].is_ascii_digit() {
            return Some(Cow::Borrowed(name));
        }
        let fits = |i: usize, c: char| fits(i, c) && (colon || c != ':');
        // A first character that cannot begin a name goes, any other becomes an underscore.
        let mut chars = name.chars();
        let first = chars.next().filter(|c| fits(0, *c));
        let fitted: String = first.into_iter().chain(chars.map(|c| if fits(1, c) { c } else { '_' })).collect();
        let trimmed = fitted.trim_matches('_');
        (!trimmed.is_empty()).then(|| Cow::Owned(trimmed.to_owned()))
    }
}

/// True if the character at this place obeys the older rule.
fn fits(place: usize, c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':' || place > 0 && c.is_ascii_digit()
}

/// True if the name obeys the older rule.
pub fn is_legacy(name: &str) -> bool {
    !name.is_empty() && name.char_indices().all(|(i, c)| fits(i, c))
}

impl Escaping {
    /// The value of the parameter `escaping`.
    pub fn named(name: &str) -> Option<Self> {
        [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values]
            .into_iter()
            .find(|e| e.name() == name)
    }

    /// The value of the parameter `escaping`.
    pub fn name(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Underscores => "underscores",
            Escaping::Dots => "dots",
            Escaping::Values => "values",
        }
    }

    /// A name as the reader is shown it.
    pub fn escape(self, name: &str) -> Cow<'_, str> {
        match self {
            Escaping::AllowUtf8 => return Cow::Borrowed(name),
            // Underscores and points are escaped in valid names too, so that the name can be read back.
            Escaping::Dots => {}
            Escaping::Underscores | Escaping::Values if is_legacy(name) => return Cow::Borrowed(name),
            Escaping::Underscores | Escaping::Values => {}
        }
        let mut out = String::with_capacity(name.len() + 8);
        if self == Escaping::Values {
            out.push_str("U__");
        }
        for (i, c) in name.char_indices() {
            match (self, c) {
                (Escaping::Dots | Escaping::Values, '_') => out.push_str("__"),
                (_, c) if fits(i, c) => out.push(c),
                (Escaping::Dots, '.') => out.push_str("_dot_"),
                (Escaping::Dots, _) => out.push_str("__"),
                (Escaping::Values, c) => {
                    // Writing to a string cannot fail.
                    let _infallible = write!(out, "_{:x}_", u32::from(c));
                }
                _ => out.push('_'),
            }
        }
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_older_rule() {
        let metric = |n| Sanitization::Legacy.metric(n).map(Cow::into_owned);
        for (name, fitted) in [
            ("a_b:c9", "a_b:c9"),
            ("__a_", "__a_"),
            ("my cpu.load-1", "my_cpu_load_1"),
            ("édes_v", "des_v"),
            ("1st", "st"),
            ("a b-", "a_b"),
        ] {
            assert_eq!(metric(name).as_deref(), Some(fitted), "{name}");
        }
        assert_eq!((metric(""), metric("9"), metric("é-"), metric("-")), (None, None, None, None));
        assert_eq!(Sanitization::Legacy.label("a:b").unwrap(), "a_b");
        assert_eq!(Sanitization::Utf8.label("1 é").unwrap(), "1 é");
    }

    #[test]
    fn escapings() {
        let all = |name| {
            [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values].map(|e| e.escape(name))
        };
        assert_eq!(all("a_b"), ["a_b", "a_b", "a__b", "a_b"]);
        assert_eq!(all("my.cpu é_1"), ["my.cpu é_1", "my_cpu___1", "my_dot_cpu______1", "U__my_2e_cpu_20__e9___1"]);
        assert_eq!(all("1a"), ["1a", "_a", "__a", "U___31_a"]);
        assert_eq!(Escaping::named("dots"), Some(Escaping::Dots));
        assert_eq!(Escaping::named("own"), None);
    }
}

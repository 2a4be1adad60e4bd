//! Environment variables in a text, in the syntax of Docker Compose: `$A`, `${A}`, `${A:-default}`, `${A:?message}`,
//! `${A:+instead}`, each also without the colon, and `$$` for a dollar sign.
//!
//! What is no reference (`$1`, `${1}`) and what is not set stays as it is written, since regular expressions and templates
//! use the dollar sign too. Within a default an unset variable is empty, as in Compose. Values are not looked into again.

use super::toml::Seam;
use std::borrow::Cow;
use std::fmt;

/// Defaults may be nested so deep.
const DEPTH: usize = 32;
/// A text may grow to so many bytes.
const LONGEST: usize = 64 << 20;

/// Gives the value of a variable, None where it is not set.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// How references are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `$$` is a dollar sign.
    #[default]
    Escapes,
    /// `$$` is two dollar signs, as before Telegraf 1.27.
    Plain,
}

/// Why a text cannot be filled in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unfilled {
    /// The byte of the text at which the reference begins.
    pub(super) at: usize,
    pub(super) cause: Cause,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cause {
    Missing { name: String, reason: String },
    Nested,
    Long,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Missing { name, reason } if reason.is_empty() => {
                write!(f, "required variable {name} is missing a value")
            }
            Cause::Missing { name, reason } => write!(f, "required variable {name} is missing a value: {reason}"),
            Cause::Nested => write!(f, "variables are nested more than {DEPTH} deep"),
            Cause::Long => write!(f, "text is longer than {LONGEST} bytes with its variables filled in"),
        }
    }
}

/// Fills a text in. `seams` gets the places where the result parts from the text.
pub(super) fn fill<'t>(
    text: &'t str,
    syntax: Syntax,
    lookup: Lookup<'_>,
    seams: Option<&mut Vec<Seam>>,
) -> Result<Cow<'t, str>, Unfilled> {
    if !text.contains('$') {
        return Ok(Cow::Borrowed(text));
    }
    let mut filler = Filler { syntax, lookup, unset_stays: true, depth: 0, seams };
    filler.fill(text).map(Cow::Owned)
}

struct Filler<'a, 's> {
    syntax: Syntax,
    lookup: Lookup<'a>,
    unset_stays: bool,
    depth: usize,
    seams: Option<&'s mut Vec<Seam>>,
}

impl Filler<'_, '_> {
    fn fill(&mut self, text: &str) -> Result<String, Unfilled> {
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut from) = (0, 0);
        // No closing brace stands before this byte: braces that open before it are no references.
        let mut barren = 0;
        while let Some(at) = text[from..].find('$').map(|i| from + i) {
            let Some((reference, len)) = self.reference(&text[at..], at, &mut barren) else {
                from = at + 1;
                continue;
            };
            let value = match &reference {
                Reference::Dollar => Some("$".to_owned()),
                Reference::Name(name) => (self.lookup)(name).or_else(|| (!self.unset_stays).then(String::new)),
                Reference::Choice { name, choice, colon, word } => {
                    Some(self.choose(name, *choice, *colon, word).map_err(|cause| Unfilled { at, cause })?)
                }
            };
            from = at + len;
            let Some(value) = value else { continue };
            out.push_str(&text[copied..at]);
            if let Some(seams) = &mut self.seams {
                seams.push(Seam { at: out.len(), shown: at, filled: true });
                seams.push(Seam { at: out.len() + value.len(), shown: from, filled: false });
            }
            out.push_str(&value);
            copied = from;
            if out.len() > LONGEST {
                return Err(Unfilled { at, cause: Cause::Long });
            }
        }
        out.push_str(&text[copied..]);
        Ok(out)
    }

    /// The reference at the beginning of a text, and its length.
    fn reference<'t>(&self, text: &'t str, at: usize, barren: &mut usize) -> Option<(Reference<'t>, usize)> {
        let rest = &text[1..];
        if rest.starts_with('$') && self.syntax == Syntax::Escapes {
            return Some((Reference::Dollar, 2));
        }
        if let name @ 1.. = name_len(rest) {
            return Some((Reference::Name(&rest[..name]), 1 + name));
        }
        let inner = rest.strip_prefix('{')?;
        let name = name_len(inner);
        if name == 0 {
            return None;
        }
        let after = &inner[name..];
        if after.starts_with('}') {
            return Some((Reference::Name(&inner[..name]), name + 3));
        }
        let (colon, after) = match after.strip_prefix(':') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let choice = match after.chars().next()? {
            '-' => Choice::Default,
            '+' => Choice::Instead,
            '?' => Choice::Required,
            _ => return None,
        };
        if at < *barren {
            return None;
        }
        let line = &text[..text.find('\n').unwrap_or(text.len())];
        let Some(end) = closing(line) else {
            *barren = at + line.len();
            return None;
        };
        let from = 2 + name + usize::from(colon) + 1;
        Some((Reference::Choice { name: &inner[..name], choice, colon, word: &line[from..end] }, end + 1))
    }

    fn choose(&mut self, name: &str, choice: Choice, colon: bool, word: &str) -> Result<String, Cause> {
        let value = (self.lookup)(name);
        let there = value.as_ref().is_some_and(|v| !colon || !v.is_empty());
        match choice {
            Choice::Default if there => Ok(value.unwrap_or_default()),
            Choice::Default => self.nested(word),
            Choice::Instead if there => self.nested(word),
            Choice::Instead => Ok(value.unwrap_or_default()),
            Choice::Required if there => Ok(value.unwrap_or_default()),
            Choice::Required => {
                let reason = self.nested(word)?;
                Err(Cause::Missing { name: name.to_owned(), reason })
            }
        }
    }

    fn nested(&self, word: &str) -> Result<String, Cause> {
        if self.depth == DEPTH {
            return Err(Cause::Nested);
        }
        // Within a word there is but one syntax, in Telegraf too.
        let mut inner = Filler {
            syntax: Syntax::Escapes,
            lookup: self.lookup,
            unset_stays: false,
            depth: self.depth + 1,
            seams: None,
        };
        inner.fill(word).map_err(|unfilled| unfilled.cause)
    }
}

enum Reference<'t> {
    Dollar,
    Name(&'t str),
    Choice { name: &'t str, choice: Choice, colon: bool, word: &'t str },
}

#[derive(Clone, Copy)]
enum Choice {
    /// `-`: the word where the variable is not set.
    Default,
    /// `+`: the word where it is set.
    Instead,
    /// `?`: an error where it is not set.
    Required,
}

fn name_len(text: &str) -> usize {
    let name = |(i, b): (usize, u8)| b == b'_' || b.is_ascii_alphabetic() || (i > 0 && b.is_ascii_digit());
    text.bytes().enumerate().take_while(|b| name(*b)).count()
}

/// The brace that closes the one of `${` at the beginning, or the last one where they do not go together.
fn closing(line: &str) -> Option<usize> {
    let mut open = 0usize;
    for (i, b) in line.bytes().enumerate() {
        match b {
            b'{' => open += 1,
            b'}' if open == 1 => return Some(i),
            b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    line.rfind('}')
}

/// The text with blanks in place of its comments, so that variables in them are not looked at and all places stay.
pub(super) fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text[at..].find(['#', '"', '\'']).map(|i| at + i) {
        at = match &text[found..=found] {
            "#" => {
                let end = text[found..].find('\n').map_or(text.len(), |i| found + i);
                out.push_str(&text[copied..found]);
                out.extend(std::iter::repeat_n(' ', end - found));
                copied = end;
                end
            }
            mark => found + quoted_len(&text[found..], mark),
        };
    }
    out.push_str(&text[copied..]);
    out
}

/// Length of the text in quotes at the beginning; one that does not end goes to the end of its line.
fn quoted_len(text: &str, mark: &str) -> usize {
    let long = mark.repeat(3);
    let (end, escapes) = (if text.starts_with(&long) { long.as_str() } else { mark }, mark == "\"");
    let mut at = end.len();
    while let Some(b) = text.as_bytes().get(at) {
        match b {
            b'\\' if escapes => at += 1,
            b'\n' if end.len() == 1 => return at,
            _ if text.as_bytes()[at..].starts_with(end.as_bytes()) => return at + end.len(),
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "A" => Some("one".into()),
            "B_2" => Some("two".into()),
            "EMPTY" => Some(String::new()),
            "REF" => Some("${A} $A $$".into()),
            _ => None,
        }
    }

    fn filled(text: &str) -> Result<String, Unfilled> {
        fill(text, Syntax::Escapes, &variable, None).map(Cow::into_owned)
    }

    #[test]
    fn references() {
        for (text, want) in [
            ("", ""),
            ("x", "x"),
            ("$A", "one"),
            ("${A}", "one"),
            ("x-${A}-$B_2.y${A}${B_2}$A", "x-one-two.yonetwoone"),
            ("$A_", "$A_"),
            ("$a ${NONE} $NONE", "$a ${NONE} $NONE"),
            ("${EMPTY}x$EMPTY", "x"),
            ("a $ b $1 ${1} ${} ${ A} $", "a $ b $1 ${1} ${} ${ A} $"),
            ("cost $$5 $${A} $$A $$$A", "cost $5 ${A} $A $one"),
            ("${A", "${A"),
            ("${A:}", "${A:}"),
            ("${1:-$A}", "${1:-one}"),
            ("$REF", "${A} $A $$"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn defaults() {
        for (text, want) in [
            ("${NONE:-a}", "a"),
            ("${NONE-a}", "a"),
            ("${EMPTY:-a}|${EMPTY-a}", "a|"),
            ("${A:-a} ${A-a}", "one one"),
            ("${NONE:-}", ""),
            ("${NONE:-a b, c/d.e:f}", "a b, c/d.e:f"),
            ("${NONE:-a}/b/${A}/${NONE:-c}", "a/b/one/c"),
            ("${NONE:-a}${NONE}", "a${NONE}"),
            ("${NONE:-${A}}", "one"),
            ("${NONE:-${ALSO:-x}}y", "xy"),
            ("${NONE:-${ALSO}}", ""),
            ("${NONE:-{\"a\": 1}}", "{\"a\": 1}"),
            ("${NONE:-{}", "{"),
            ("${NONE:-$$}", "$"),
            ("${NONE:-a\nb}", "${NONE:-a\nb}"),
            ("${A:+yes}|${EMPTY:+yes}|${NONE:+yes}", "yes||"),
            ("x${A+yes}|${EMPTY+yes}|${NONE+yes}y", "xyes|yes|y"),
            ("x${EMPTY?gone}y", "xy"),
            ("${A:?gone}", "one"),
            ("${A:-${NONE:?gone}}", "one"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn required_variables() {
        for (text, at, want) in [
            ("x ${NONE:?set $A}", 2, "required variable NONE is missing a value: set one"),
            ("${EMPTY:?empty here}", 0, "required variable EMPTY is missing a value: empty here"),
            ("${NONE?}", 0, "required variable NONE is missing a value"),
            ("${NONE?not there}", 0, "required variable NONE is missing a value: not there"),
            ("..${NONE:-${NONE:?x}}", 2, "required variable NONE is missing a value: x"),
        ] {
            let error = filled(text).unwrap_err();
            assert_eq!((error.at, error.cause.to_string().as_str()), (at, want), "{text}");
        }
    }

    #[test]
    fn the_old_syntax_has_no_escape() {
        let filled = |text| fill(text, Syntax::Plain, &variable, None).map(Cow::into_owned);
        assert_eq!(filled("$$ ${A} $$A ${NONE:-b}").as_deref(), Ok("$$ one $one b"));
        assert_eq!(filled("$$ ${NONE:-$$A}").as_deref(), Ok("$$ $A"));
    }

    #[test]
    fn seams_lead_back() {
        let mut seams = Vec::new();
        let text = fill("ab${A}c$B_2", Syntax::Escapes, &variable, Some(&mut seams)).unwrap();
        assert_eq!(text, "abonectwo");
        let seams: Vec<_> = seams.iter().map(|s| (s.at, s.shown, s.filled)).collect();
        assert_eq!(seams, [(2, 2, true), (5, 6, false), (6, 7, true), (9, 11, false)]);
    }

    #[test]
    fn comments_are_taken_out() {
        for (text, want) in [
            ("a # b\nc", "a    \nc"),
            ("a = \"#\" # x", "a = \"#\"    "),
            ("a = '#\\' # x", "a = '#\\'    "),
            ("a = \"\\\"#\" # x", "a = \"\\\"#\"    "),
            ("a = \"\"\"x\n# \"y\" \"\"\" # z\nb", "a = \"\"\"x\n# \"y\" \"\"\"    \nb"),
            ("it's # a\n# é", "it's # a\n    "),
            ("#", " "),
        ] {
            assert_eq!(without_comments(text), want, "{text}");
        }
    }

    #[test]
    fn hostile_texts_end_soon() {
        let many = "${NONE:-".repeat(100_000);
        assert_eq!(filled(&many).unwrap(), many);
        let nested = format!("{}x{}", "${NONE:-".repeat(1000), "}".repeat(1000));
        assert_eq!(filled(&nested).unwrap_err().cause, Cause::Nested);
        let big = |_: &str| Some("x".repeat(1 << 20));
        let text = "$A".repeat(1000);
        assert_eq!(fill(&text, Syntax::Escapes, &big, None).unwrap_err().cause, Cause::Long);
        let mut seed = 88172645463325252u64;
        for round in 0..20_000 {
            let mut text = String::new();
            for _ in 0..round % 40 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let pieces = ["$", "{", "}", ":", "-", "+", "?", "A", "NONE", "é", "\n", "#", "\"", "'", "\\"];
                text.push_str(pieces[(seed % pieces.len() as u64) as usize]);
            }
            let _either_is_fine = filled(&text);
            assert_eq!(without_comments(&text).len(), text.len());
        }
    }
}

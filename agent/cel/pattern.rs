//! Patterns for `matches`: RE2's syntax, run by the `regex` crate.
//!
//! The two differ in little, but silently: `\d`, `\w`, `\s` and `\b` are ASCII in RE2, brackets within a class are plain
//! characters, `{` may stand for itself. So a pattern is rewritten before it is compiled, and what RE2 refuses is refused.

use regex::{Regex, RegexBuilder};

use crate::error::excerpt;

/// Most bytes of a compiled pattern.
const MAX_COMPILED: usize = 1 << 20;
/// The largest count in `{n,m}`.
const MAX_REPEAT: u32 = 1000;

/// Compiles a pattern; the error is a whole sentence.
pub(crate) fn compile(source: &str) -> Result<Regex, String> {
    let bad = |cause: String| format!("invalid regular expression {:?}: {cause}", excerpt(source));
    let translated = Translation { rest: source, out: String::new() }.run().map_err(bad)?;
    RegexBuilder::new(&translated).size_limit(MAX_COMPILED).build().map_err(|error| {
        // The crate draws the pattern with a caret over several lines; its last line is the cause.
        let text = error.to_string();
        let cause = text.lines().last().unwrap_or("").trim_start_matches("error: ");
        bad(cause.to_lowercase().trim_end_matches('.').to_owned())
    })
}

struct Translation<'s> {
    rest: &'s str,
    out: String,
}

impl<'s> Translation<'s> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    fn run(mut self) -> Result<String, String> {
        // Whether an operand was just repeated, and whether there is one at all: `a**` is an error, and so is `*`.
        let mut repeated = false;
        while let Some(character) = self.next() {
            let repeats = match character {
                '*' | '+' | '?' => true,
                '{' => self.repetition()?,
                _ => false,
            };
            match character {
                '{' if repeats => {}
                '{' => self.out.push_str("\\{"),
                '}' => self.out.push_str("\\}"),
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                other => self.out.push(other),
            }
            if repeats && repeated {
                return Err("nested repetition".to_owned());
            }
            repeated = repeats;
            // The mark that makes a repetition lazy.
            if repeats && self.rest.starts_with('?') {
                self.next();
                self.out.push('?');
            }
        }
        Ok(self.out)
    }

    /// Behind `{`: takes `n}`, `n,}` or `n,m}`, if that is what follows.
    fn repetition(&mut self) -> Result<bool, String> {
        let Some((counts, behind)) = self.rest.split_once('}') else {
            return Ok(false);
        };
        let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !number(least) || !(most.is_empty() || number(most)) {
            return Ok(false);
        }
        let allowed = |count: &str| count.parse::<u32>().is_ok_and(|count| count <= MAX_REPEAT);
        if !allowed(least) || !(most.is_empty() || allowed(most)) {
            return Err(format!("repetition of more than {MAX_REPEAT}"));
        }
        self.out.push_str(&format!("{{{counts}}}"));
        self.rest = behind;
        Ok(true)
    }

    /// Behind `(`: RE2 knows groups with and without name and the flags `imsU`.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        let Some(behind) = self.rest.strip_prefix('?') else {
            return Ok(());
        };
        let flags = behind.find(|c: char| !"imsU-".contains(c)).unwrap_or(behind.len());
        let flagged = behind[flags..].starts_with([':', ')']);
        let named = behind.starts_with("P<") || behind.starts_with('<');
        let looks_behind = behind.starts_with("<=") || behind.starts_with("<!");
        if flagged || (named && !looks_behind) {
            return Ok(());
        }
        Err("unsupported group".to_owned())
    }

    /// Behind `\`.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(character) = self.next() else {
            return Err("trailing backslash".to_owned());
        };
        let set = match character {
            'd' | 'D' => "0-9",
            's' | 'S' => "\\t\\n\\x0c\\r ",
            'w' | 'W' => "0-9A-Za-z_",
            _ => "",
        };
        match character {
            _ if !set.is_empty() && character.is_ascii_uppercase() => self.out.push_str(&format!("[^{set}]")),
            _ if !set.is_empty() && in_class => self.out.push_str(set),
            _ if !set.is_empty() => self.out.push_str(&format!("[{set}]")),
            'b' | 'B' if !in_class => self.out.push_str(&format!("(?-u:\\{character})")),
            'Q' => {
                let (plain, behind) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.out.push_str(&regex::escape(plain));
                self.rest = behind;
            }
            'A' | 'z' if !in_class => self.out.push_str(&format!("\\{character}")),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => self.out.push_str(&format!("\\{character}")),
            'p' | 'P' | 'x' => {
                self.out.push_str(&format!("\\{character}"));
                if self.rest.starts_with('{') {
                    let end = self.rest.find('}').map_or(self.rest.len(), |at| at + 1);
                    self.out.push_str(&self.rest[..end]);
                    self.rest = &self.rest[end..];
                }
            }
            '0'..='7' => {
                let digits = self.rest.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                // A single digit but 0 would be a reference to a group.
                if character != '0' && digits == 0 {
                    return Err(format!("invalid escape sequence \\{character}"));
                }
                let code = format!("{character}{}", &self.rest[..digits]);
                self.rest = &self.rest[digits..];
                let code = u32::from_str_radix(&code, 8).map_err(|error| error.to_string())?;
                self.out.push_str(&format!("\\x{{{code:x}}}"));
            }
            other if other.is_ascii_alphanumeric() => {
                return Err(format!("invalid escape sequence \\{other}"));
            }
            other => self.out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        Ok(())
    }

    /// Behind `[`.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.next();
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if let Some(behind) = self.rest.strip_prefix("[:")
                && let Some((name, after)) = behind.split_once(":]")
            {
                self.out.push_str(&format!("[:{name}:]"));
                self.rest = after;
                first = false;
                continue;
            }
            match self.next() {
                None => return Err("missing closing ]".to_owned()),
                Some(']') if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                Some('\\') => self.escape(true)?,
                // A hyphen at the edge is plain; between two characters it makes a range, which must rise.
                Some('-') if first || self.rest.starts_with(']') => self.out.push_str("\\-"),
                Some('-') => {
                    self.out.push('-');
                    // Two hyphens would be a difference of classes here.
                    if self.rest.starts_with('-') {
                        self.next();
                        self.out.push_str("\\-");
                    }
                }
                Some(other @ ('[' | ']' | '&' | '~')) => {
                    self.out.push('\\');
                    self.out.push(other);
                }
                Some(other) => self.out.push(other),
            }
            first = false;
        }
    }
}

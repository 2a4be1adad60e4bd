//! Rewrites a pattern of Go into one of the `regex` crate.
//!
//! One pass from left to right. Everything is written in its most explicit form (characters by number, groups without
//! names), so that no syntax of the other side can come into being by accident.

use std::fmt::Write;

use super::class;

/// What the `regex` crate gets, and the names of the groups, which Go allows to begin with a digit.
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) names: Vec<Option<Box<str>>>,
}

/// Go's limit for a counted repetition.
const MOST_REPETITIONS: u32 = 1000;

pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut translator =
        Translator { rest: pattern, out: String::with_capacity(pattern.len() + 16), names: vec![None], open: 0 };
    let mut after_repetition = false;
    while let Some(char) = translator.rest.chars().next() {
        after_repetition = translator.item(char, after_repetition)?;
    }
    if translator.open > 0 {
        return Err("missing closing )".to_owned());
    }
    Ok(Translated { pattern: translator.out, names: translator.names })
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    names: Vec<Option<Box<str>>>,
    /// Groups that are not closed yet.
    open: usize,
}

impl<'p> Translator<'p> {
    /// Rewrites what begins with `char`; whether it was a repetition.
    fn item(&mut self, char: char, after_repetition: bool) -> Result<bool, String> {
        match char {
            '(' => self.group()?,
            ')' => {
                if self.open == 0 {
                    return Err("unexpected )".to_owned());
                }
                self.open -= 1;
                self.copy(1);
            }
            '|' | '^' | '$' | '.' => self.copy(1),
            '[' => self.rest = class::translate(self.rest, &mut self.out)?,
            '*' | '+' | '?' => {
                self.repetition(1, after_repetition)?;
                return Ok(true);
            }
            '{' => match counted(self.rest)? {
                Some(length) => {
                    self.repetition(length, after_repetition)?;
                    return Ok(true);
                }
                None => self.literal('{', 1),
            },
            '\\' => self.escape()?,
            _ => self.literal(char, char.len_utf8()),
        }
        Ok(false)
    }

    fn copy(&mut self, length: usize) {
        let (text, rest) = self.rest.split_at(length);
        self.out.push_str(text);
        self.rest = rest;
    }

    fn literal(&mut self, char: char, length: usize) {
        push_char(char, &mut self.out);
        self.rest = &self.rest[length..];
    }

    fn repetition(&mut self, length: usize, after_repetition: bool) -> Result<(), String> {
        let lazy = self.rest[length..].starts_with('?');
        let length = length + usize::from(lazy);
        if after_repetition {
            let operator = &self.rest[..length];
            return Err(format!("invalid nested repetition operator {operator:?}"));
        }
        self.copy(length);
        Ok(())
    }

    /// Opens a group or sets flags.
    fn group(&mut self) -> Result<(), String> {
        let after = &self.rest[1..];
        if !after.starts_with('?') {
            self.names.push(None);
            self.open += 1;
            self.copy(1);
            return Ok(());
        }
        let named = after.strip_prefix("?P<").or_else(|| after.strip_prefix("?<"));
        if let Some(named) = named {
            let (name, rest) =
                named.split_once('>').filter(|(name, _)| is_group_name(name)).ok_or("invalid named capture")?;
            self.names.push(Some(name.into()));
            self.open += 1;
            self.out.push('(');
            self.rest = rest;
            return Ok(());
        }
        let flags = &after[1..];
        let end = flags.find(|char| !"imsU-".contains(char)).unwrap_or(flags.len());
        let valid = match flags[..end].split_once('-') {
            Some((_, off)) => !off.is_empty() && !off.contains('-'),
            None => true,
        };
        match flags[end..].chars().next() {
            Some(':') if valid => self.open += 1,
            Some(')') if valid && end > 0 => {}
            Some(')') if valid => {
                // "(?)" sets nothing.
                self.out.push_str("(?:)");
                self.rest = &flags[1..];
                return Ok(());
            }
            _ => return Err("invalid or unsupported Perl syntax after \"(?\"".to_owned()),
        }
        self.copy(2 + end + 1);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let after = &self.rest[1..];
        let ascii = match after.bytes().next() {
            Some(b'A') => r"\A",
            Some(b'z') => r"\z",
            Some(b'b') => r"(?-u:\b)",
            Some(b'B') => r"(?-u:\B)",
            Some(b'Q') => {
                let quoted = &after[1..];
                let (text, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                for char in text.chars() {
                    push_char(char, &mut self.out);
                }
                self.rest = rest;
                return Ok(());
            }
            Some(b'p' | b'P') => {
                self.rest = class::unicode(self.rest, &mut self.out)?;
                return Ok(());
            }
            Some(byte) => match class::perl(byte) {
                Some(class) => class,
                None => {
                    let (char, rest) = escaped_char(self.rest)?;
                    push_char(char, &mut self.out);
                    self.rest = rest;
                    return Ok(());
                }
            },
            None => return Err("trailing backslash at end of expression".to_owned()),
        };
        self.out.push_str(ascii);
        self.rest = &after[1..];
        Ok(())
    }
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the start; `None` if the brace stands for itself.
fn counted(text: &str) -> Result<Option<usize>, String> {
    let Some(end) = text.find('}') else {
        return Ok(None);
    };
    let inner = &text[1..end];
    let (low, high) = match inner.split_once(',') {
        Some((low, high)) => (low, Some(high)),
        None => (inner, None),
    };
    // A number with a leading zero is none.
    let is_number =
        |text: &str| text == "0" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if low.is_empty() || !is_number(low) || !is_number(high.unwrap_or_default()) {
        return Ok(None);
    }
    let invalid = || format!("invalid repeat count {:?}", &text[..=end]);
    let read = |text: &str| match text.parse::<u32>() {
        Ok(count) if count <= MOST_REPETITIONS => Ok(count),
        _ => Err(invalid()),
    };
    let least = read(low)?;
    if let Some(high) = high.filter(|high| !high.is_empty())
        && read(high)? < least
    {
        return Err(invalid());
    }
    Ok(Some(end + 1))
}

fn is_group_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_word)
}

/// Reads a backslash and the character it stands for.
pub(super) fn escaped_char(text: &str) -> Result<(char, &str), String> {
    let invalid = |end: usize| {
        let shown: String = text.chars().take(end).collect();
        Err(format!("invalid escape sequence {shown:?}"))
    };
    let after = &text[1..];
    let Some(char) = after.chars().next() else {
        return Err("trailing backslash at end of expression".to_owned());
    };
    let rest = &after[char.len_utf8()..];
    let control = match char {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return hexadecimal(rest).map_or_else(|| invalid(4), Ok),
        '0'..='7' => {
            let is_octal = |byte: &u8| matches!(byte, b'0'..=b'7');
            let count = after.bytes().take(3).take_while(is_octal).count();
            if char != '0' && count == 1 {
                return invalid(2); // a back-reference
            }
            let value = u32::from_str_radix(&after[..count], 8).ok();
            let char = value.and_then(char::from_u32);
            return char.map_or_else(|| invalid(4), |char| Ok((char, &after[count..])));
        }
        _ if char.is_ascii() && !char.is_ascii_alphanumeric() => char,
        _ => return invalid(2),
    };
    Ok((control, rest))
}

/// Reads what follows `\x`: two digits, or any number of them in braces.
fn hexadecimal(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => (text.get(..2)?, &text[2..]),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    Some((char::from_u32(value)?, rest))
}

/// Appends a character so that it stands for itself, in a class as well.
pub(super) fn push_char(char: char, out: &mut String) {
    if char.is_ascii_alphanumeric() || char == '_' || char == ' ' || !char.is_ascii() {
        out.push(char);
    } else {
        // Writing to a String cannot fail.
        let _ = write!(out, r"\x{:02x}", u32::from(char));
    }
}

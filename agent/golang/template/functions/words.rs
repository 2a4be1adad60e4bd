//! Functions on the words and letters of a text (sprig, "String Functions").

use super::{Args, Function};
use crate::template::{LARGEST, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("title", 1, |args| Ok(title(args.text(0)?).into())),
    Function::new("untitle", 1, |args| Ok(untitle(args.text(0)?).into())),
    Function::new("nospace", 1, |args| {
        let text = args.text(0)?;
        Ok(text.chars().filter(|char| !char.is_whitespace()).collect::<String>().into())
    }),
    Function::new("initials", 1, |args| {
        let words = args.text(0)?.split_whitespace();
        Ok(words.filter_map(|word| word.chars().next()).collect::<String>().into())
    }),
    Function::new("swapcase", 1, |args| Ok(swap_case(args.text(0)?).into())),
    Function::new("snakecase", 1, |args| Ok(separated(args.text(0)?, '_').into())),
    Function::new("kebabcase", 1, |args| Ok(separated(args.text(0)?, '-').into())),
    Function::new("camelcase", 1, |args| Ok(pascal_case(args.text(0)?).into())),
    Function::new("wrap", 2, |args| wrap(args, "\n", 1)),
    Function::new("wrapWith", 3, |args| wrap(args, args.text(1)?, 2)),
];

/// Upper case letter by letter, as Go does it: what has no single upper case letter stays.
pub(super) fn upper(text: &str) -> String {
    text.chars().map(upper_char).collect()
}

/// Lower case letter by letter.
pub(super) fn lower(text: &str) -> String {
    text.chars().map(lower_char).collect()
}

fn upper_char(char: char) -> char {
    let mut upper = char.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => char,
    }
}

/// The letter at the beginning of a word.
fn title_char(char: char) -> char {
    match char {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        // The capitals of Georgian are for whole texts only.
        '\u{10d0}'..='\u{10ff}' => char,
        _ => upper_char(char),
    }
}

fn lower_char(char: char) -> char {
    // Only the capital I with a dot has more than one, of which Go takes the first.
    char.to_lowercase().next().unwrap_or(char)
}

/// The first letter of every word in upper case.
fn title(text: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        // Beyond ASCII only blanks end a word.
        let in_word = match before.is_ascii() {
            true => before.is_ascii_alphanumeric() || before == '_',
            false => !before.is_whitespace(),
        };
        out.push(if in_word { char } else { title_char(char) });
        before = char;
    }
    out
}

/// The first letter of every word in lower case.
fn untitle(text: &str) -> String {
    let mut starts = true;
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        out.push(if starts { lower_char(char) } else { char });
        starts = char.is_whitespace();
    }
    out
}

/// Upper case to lower case and back.
fn swap_case(text: &str) -> String {
    let swap = |char: char| match char.is_uppercase() {
        true => lower_char(char),
        false => upper_char(char),
    };
    text.chars().map(swap).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Letter {
    Upper,
    Lower,
    Digit,
    /// A blank, `_` or `-`.
    Connector,
    Punctuation,
    Symbol,
}

fn kind(char: char) -> Letter {
    match char {
        '_' | '-' => Letter::Connector,
        _ if char.is_whitespace() => Letter::Connector,
        _ if char.is_uppercase() => Letter::Upper,
        _ if char.is_alphabetic() => Letter::Lower,
        _ if char.is_numeric() => Letter::Digit,
        _ if "!\"#%&'()*,./:;?@[\\]{}".contains(char) => Letter::Punctuation,
        _ => Letter::Symbol,
    }
}

/// Words in lower case with a connector between them.
///
/// A word begins at an upper case letter that follows a lower case one or a digit, or ends a run of upper case before a
/// lower case one ("HTTPServer"). Digits belong to the word before them ("bld4_floor"), unless a lower case letter follows
/// them: then they begin a word ("http_20x") that only an upper case letter ends.
fn separated(text: &str, connector: char) -> String {
    use Letter::{Connector, Digit, Lower, Punctuation, Symbol, Upper};
    let chars: Vec<char> = text.chars().collect();
    let kind_at = |index: usize| chars.get(index).map(|&char| kind(char));
    let mut out = String::with_capacity(text.len() + 8);
    let mut in_number = false;
    let mut before = Connector;
    for (index, &char) in chars.iter().enumerate() {
        let now = kind(char);
        let begins = match (before, now) {
            (Lower | Digit | Symbol, Upper) | (Lower | Upper | Digit, Symbol) | (Symbol, Lower) => true,
            (Upper, Upper) => kind_at(index + 1) == Some(Lower),
            (Lower | Upper | Symbol, Digit) if !in_number => {
                let digits = (index..).take_while(|&index| kind_at(index) == Some(Digit));
                kind_at(index + digits.count()) == Some(Lower)
            }
            _ => false,
        };
        match now {
            Digit if begins || matches!(before, Connector | Punctuation | Symbol) => in_number = true,
            Upper | Connector | Punctuation | Symbol => in_number = false,
            _ => {}
        }
        if begins || now == Connector && before != Punctuation {
            out.push(connector);
        }
        // A connector behind punctuation stays what it is.
        if now == Connector && before == Punctuation {
            out.push(char);
        }
        if now != Connector {
            out.push(lower_char(char));
        }
        before = now;
    }
    out
}

/// Words joined, each with its first letter in upper case, and a run of upper case at its beginning only there.
fn pascal_case(text: &str) -> String {
    let is_connector = |char: char| kind(char) == Letter::Connector;
    let inner = text.trim_start_matches(is_connector);
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..text.len() - inner.len()]);
    let mut rest = inner;
    while !rest.is_empty() {
        let end = rest.find(is_connector).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let mut in_run = true;
        for (index, char) in word.chars().enumerate() {
            in_run &= char.is_uppercase();
            out.push(match index {
                0 => upper_char(char),
                _ if in_run => lower_char(char),
                _ => char,
            });
        }
        rest = after.trim_start_matches(is_connector);
        // One connector goes, more of them and those at the end stay.
        let connectors = &after[..after.len() - rest.len()];
        let mut kept = connectors.chars();
        if !rest.is_empty() {
            kept.next();
        }
        out.push_str(kept.as_str());
    }
    out
}

/// Breaks lines at blanks so that none is longer than the first argument; `wrapWith` breaks long words, too.
fn wrap<'a>(args: &Args<'_, 'a>, line_end: &str, at: usize) -> Result<Value<'a>, String> {
    let width = usize::try_from(args.int(0)?).unwrap_or(0).max(1);
    let text = args.text(at)?;
    let line_end = if line_end.is_empty() { "\n" } else { line_end };
    let break_words = at == 2;
    if text.len().saturating_mul(line_end.len() + 1) > LARGEST {
        return Err("the result is too large".to_owned());
    }
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 16);
    let mut offset = 0;
    while chars.len() - offset > width {
        if chars[offset] == ' ' {
            offset += 1;
            continue;
        }
        let blank = (offset..=offset + width).rev().find(|&index| chars[index] == ' ');
        let (end, next) = match blank {
            Some(blank) => (blank, blank + 1),
            None if break_words => (offset + width, offset + width),
            None => match (offset + width..chars.len()).find(|&index| chars[index] == ' ') {
                Some(blank) => (blank, blank + 1),
                None => break,
            },
        };
        out.extend(&chars[offset..end]);
        out.push_str(line_end);
        offset = next;
    }
    out.extend(&chars[offset..]);
    Ok(out.into())
}

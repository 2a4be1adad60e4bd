//! The changes of one text.

use crate::encoding::decode_base64;

/// A change of a text.
pub(super) enum Change {
    Lowercase,
    Uppercase,
    Titlecase,
    Trim { cutset: String, begin: bool, end: bool },
    TrimPrefix(String),
    TrimSuffix(String),
    Replace { old: String, new: String },
    Left(usize),
    Base64Decode,
    ValidUtf8(String),
}

impl Change {
    /// Puts the changed text into `out`, in place of what is there.
    pub(super) fn run(&self, text: &str, out: &mut String) {
        out.clear();
        match self {
            Change::Lowercase => map(text, out, u8::to_ascii_lowercase, lower),
            Change::Uppercase => map(text, out, u8::to_ascii_uppercase, upper),
            Change::Titlecase => title(text, out),
            Change::Trim { cutset, begin, end } => {
                let cut = |c: char| if cutset.is_empty() { c.is_whitespace() } else { cutset.contains(c) };
                let text = if *begin { text.trim_start_matches(cut) } else { text };
                out.push_str(if *end { text.trim_end_matches(cut) } else { text });
            }
            Change::TrimPrefix(prefix) => out.push_str(text.strip_prefix(prefix.as_str()).unwrap_or(text)),
            Change::TrimSuffix(suffix) => out.push_str(text.strip_suffix(suffix.as_str()).unwrap_or(text)),
            Change::Replace { old, new } => {
                let mut done = 0;
                for (at, found) in text.match_indices(old.as_str()) {
                    out.push_str(&text[done..at]);
                    out.push_str(new);
                    done = at + found.len();
                }
                out.push_str(&text[done..]);
                if out.is_empty() {
                    out.push_str(text);
                }
            }
            Change::Left(width) => out.push_str(&text[..text.floor_char_boundary(*width)]),
            Change::Base64Decode => match decode_base64(text).map(String::from_utf8) {
                Some(Ok(decoded)) => *out = decoded,
                _ => out.push_str(text),
            },
            Change::ValidUtf8(replacement) => valid_utf8(text, replacement, out),
        }
    }
}

/// Maps letter by letter, as Go does: no letter becomes two, and none depends on its neighbours.
fn map(text: &str, out: &mut String, ascii: fn(&u8) -> u8, other: fn(char) -> char) {
    out.extend(text.chars().map(|c| match u8::try_from(c) {
        Ok(byte) if byte.is_ascii() => ascii(&byte) as char,
        _ => other(c),
    }));
}

fn lower(c: char) -> char {
    // A capital I with a dot becomes two characters by the full rules, an i by the simple ones.
    one(c.to_lowercase()).unwrap_or(if c == '\u{130}' { 'i' } else { c })
}

fn upper(c: char) -> char {
    match (one(c.to_uppercase()), c) {
        (Some(c), _) => c,
        // Greek letters with an iota below have a capital of their own by the simple rules.
        (None, '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}') => {
            char::from_u32(c as u32 + 8).unwrap_or(c)
        }
        (None, '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}') => char::from_u32(c as u32 + 9).unwrap_or(c),
        (None, _) => c,
    }
}

fn one(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    match (mapped.next(), mapped.next()) {
        (Some(c), None) => Some(c),
        _ => None,
    }
}

/// Makes the first letter of each word a capital and leaves the others. A word goes on over digits, marks, `_`, and a single
/// mark such as `.` or `'` between letters (Unicode annex 29, word boundaries).
fn title(text: &str, out: &mut String) {
    let (mut in_word, mut after_middle) = (false, false);
    for c in text.chars() {
        let middle = matches!(c, '.' | '\'' | ':' | '·' | '‘' | '’' | '․' | '‧' | '﹒' | '﹕' | '＇' | '．' | '：');
        if c.is_lowercase() || c.is_uppercase() || is_titled(c) {
            if in_word {
                out.push(c);
            } else {
                capital(c, out);
            }
            in_word = true;
        } else {
            out.push(c);
            let goes_on = c.is_alphanumeric() && !stands_alone(c) || c == '_' || is_mark(c);
            if (middle && after_middle) || !(middle || goes_on) {
                in_word = false;
            }
        }
        after_middle = middle;
    }
}

/// Letters of two, of which only the first is a capital, and Greek capitals with an iota beside them.
fn is_titled(c: char) -> bool {
    matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}' | '\u{1fa8}'..='\u{1faf}' | 'ᾼ' | 'ῌ' | 'ῼ')
}

/// Appends a letter as it begins a word: by the full rules, of which those letter by letter know nothing, so that `ß` is `Ss`.
fn capital(c: char, out: &mut String) {
    match c {
        'Ǆ'..='ǆ' => out.push('ǅ'),
        'Ǉ'..='ǉ' => out.push('ǈ'),
        'Ǌ'..='ǌ' => out.push('ǋ'),
        'Ǳ'..='ǳ' => out.push('ǲ'),
        // The capitals of Georgian are for whole texts only.
        '\u{10d0}'..='\u{10ff}' => out.push(c),
        'ŉ' => out.extend(c.to_uppercase()),
        _ if is_titled(c) => out.push(c),
        _ if one(c.to_uppercase()).is_some() || upper(c) != c => out.push(upper(c)),
        _ => {
            let mut letters = c.to_uppercase();
            out.extend(letters.next());
            // An iota below its letter stays there.
            out.extend(letters.flat_map(char::to_lowercase).map(|c| if c == 'ι' { '\u{345}' } else { c }));
        }
    }
}

/// Signs and syllables that are words by themselves, and numbers that are no digits.
fn stands_alone(c: char) -> bool {
    matches!(
        c,
        '\u{2e80}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
            | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}' | '²' | '³' | '¹' | '¼'..='¾'
            | '\u{2070}'..='\u{2089}' | '\u{2150}'..='\u{215f}' | '\u{2460}'..='\u{249b}' | '\u{24ea}'..='\u{24ff}'
    )
}

/// Combining marks of the common scripts, and characters that are not seen.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200e}' | '\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}' | '\u{200d}')
}

/// Replaces each run of replacement characters, which is what a byte that is no UTF-8 became when it was read.
fn valid_utf8(text: &str, replacement: &str, out: &mut String) {
    let mut in_run = false;
    for c in text.chars() {
        let bad = c == char::REPLACEMENT_CHARACTER;
        if !bad {
            out.push(c);
        } else if !in_run {
            out.push_str(replacement);
        }
        in_run = bad;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(change: Change, text: &str) -> String {
        let mut out = String::from("old");
        change.run(text, &mut out);
        out
    }

    #[test]
    fn case_is_changed_letter_by_letter() {
        assert_eq!(run(Change::Lowercase, "ΣΑΣ İX ÄB"), "σασ ix äb");
        assert_eq!(run(Change::Uppercase, "straße ﬁ ᾳ äb"), "STRAßE ﬁ ᾼ ÄB");
    }

    #[test]
    fn words_get_a_capital() {
        let title = |text| run(Change::Titlecase, text);
        assert_eq!(title("42nd rate-limit under_score a.b"), "42Nd Rate-Limit Under_score A.b");
        assert_eq!(title("don't SHOUT éa a..b"), "Don't SHOUT Éa A..B");
        assert_eq!(title("ßa ﬁx ǆ ŉ ა ᾳ ᾲ ᾈ"), "Ssa Fix ǅ ʼN ა ᾼ Ὰͅ ᾈ");
        assert_eq!(title("a日b x½y c\u{ad}d カe"), "A日B X½Y C\u{ad}d カE");
    }

    #[test]
    fn replacing_keeps_a_text_of_which_nothing_is_left() {
        let replace = |old: &str, new: &str, text| run(Change::Replace { old: old.into(), new: new.into() }, text);
        assert_eq!(replace("a", "", "aaa"), "aaa");
        assert_eq!(replace("", ".", "aé"), ".a.é.");
        assert_eq!(replace("aa", "b", "aaaaa"), "bba");
    }

    #[test]
    fn cutting_never_cuts_a_letter() {
        assert_eq!(run(Change::Left(2), "aéb"), "a");
        assert_eq!(run(Change::Left(9), "short"), "short");
    }

    #[test]
    fn what_is_no_base64_of_a_text_stays() {
        let decode = |text| run(Change::Base64Decode, text);
        assert_eq!(
            ["Z3LDvMOfZQ==", "not base64!", "//79", "SGk", ""].map(decode),
            ["grüße", "not base64!", "//79", "SGk", ""]
        );
    }

    #[test]
    fn runs_of_bad_bytes_are_replaced_once() {
        assert_eq!(run(Change::ValidUtf8("?".into()), "x\u{fffd}\u{fffd}y\u{fffd}z"), "x?y?z");
    }
}

//! Texts made safe for other languages: Go's quotes, HTML, JavaScript, URLs.

use std::fmt::Write;
use std::sync::LazyLock;

use regex::Regex;

/// Appends the text in quotes as Go's `%q` does.
pub(super) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        push_quoted(char, '"', false, out);
    }
    out.push('"');
}

/// What Go calls printable beyond ASCII: letters, marks, numbers, punctuation and symbols.
fn is_print(char: char) -> bool {
    static PRINTABLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").expect("the classes exist"));
    PRINTABLE.is_match(char.encode_utf8(&mut [0; 4]))
}

/// Appends one character of a quoted text; nothing but ASCII if `ascii`.
pub(super) fn push_quoted(char: char, quote: char, ascii: bool, out: &mut String) {
    let short = match char {
        '\x07' => 'a',
        '\x08' => 'b',
        '\x0c' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\x0b' => 'v',
        '\\' => '\\',
        _ if char == quote => quote,
        _ => {
            let code = u32::from(char);
            // Writing to a String cannot fail.
            let _ = match code {
                0..=0x1f | 0x7f => write!(out, "\\x{code:02x}"),
                0x20..=0x7e => out.write_char(char),
                _ if !ascii && is_print(char) => out.write_char(char),
                0x80..=0xffff => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
            return;
        }
    };
    out.push('\\');
    out.push(short);
}

/// `<>&'"` and the zero character as entities.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(char),
        }
    }
    out
}

/// A text that can stand in quotes in JavaScript.
pub(super) fn javascript(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        let code = u32::from(char);
        match char {
            '\\' => out.push_str(r"\\"),
            '\'' => out.push_str(r"\'"),
            '"' => out.push_str("\\\""),
            // Writing to a String cannot fail.
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => {
                let _ = write!(out, "\\u{code:04X}");
            }
            '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{a0}' | '\u{ad}' | '\u{feff}' => {
                let _ = write!(out, "\\u{code:04X}");
            }
            _ => out.push(char),
        }
    }
    out
}

/// A text that can stand in the query of a URL.
pub(super) fn url_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            // Writing to a String cannot fail.
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

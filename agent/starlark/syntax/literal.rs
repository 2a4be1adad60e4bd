//! Numbers and quoted strings of the source.

use super::lex::Token;

/// Reads the number at the start of `text`; returns it and its length in bytes.
pub(super) fn number(text: &str) -> Result<(Token, usize), String> {
    for (prefixes, radix, kind) in [(["0x", "0X"], 16, "hex"), (["0o", "0O"], 8, "octal"), (["0b", "0B"], 2, "binary")]
    {
        if prefixes.iter().any(|prefix| text.starts_with(prefix)) {
            let digits = &text[2..];
            let end = digits.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(digits.len());
            if end == 0 || digits[..end].chars().any(|c| !c.is_digit(radix)) {
                return Err(format!("invalid {kind} literal"));
            }
            let value = i128::from_str_radix(&digits[..end], radix).map_err(|_| too_large())?;
            return Ok((Token::Int(value), end + 2));
        }
    }
    let digits =
        |from: usize| text[from..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |length| from + length);
    let whole = digits(0);
    let mut end = whole;
    let mut fraction = false;
    if text[end..].starts_with('.') {
        fraction = true;
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return Err("invalid float literal".into());
        }
        fraction = true;
        end = exponent;
    }
    if fraction {
        let value = text[..end].parse::<f64>().map_err(|_| "invalid float literal")?;
        if value.is_infinite() {
            return Err("floating-point literal too large".into());
        }
        return Ok((Token::Float(value), end));
    }
    if whole > 1 && text.starts_with('0') && text[..whole].bytes().any(|digit| digit != b'0') {
        return Err("obsolete form of octal literal; use 0o".into());
    }
    if text[end..].starts_with(|c: char| c == '_' || c.is_alphabetic()) {
        return Err("invalid int literal".into());
    }
    Ok((Token::Int(text[..end].parse().map_err(|_| too_large())?), end))
}

fn too_large() -> String {
    "int literal too large".into()
}

/// Length in bytes, quotation marks included, of the quoted string at the start of `text`.
pub(super) fn quoted_length(text: &str) -> Result<usize, &'static str> {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let long = text.starts_with(&triple);
    let close = if long { triple.as_str() } else { quote };
    let mut at = close.len();
    loop {
        let rest = &text[at..];
        if rest.starts_with(close) {
            return Ok(at + close.len());
        }
        let mut chars = rest.chars();
        match chars.next() {
            None => return Err("unexpected EOF in string"),
            Some('\n') if !long => return Err("unexpected newline in string"),
            Some('\\') => at += 1 + chars.next().map_or(0, char::len_utf8),
            Some(c) => at += c.len_utf8(),
        }
    }
}

/// The bytes that a quoted string, given with its quotation marks, stands for.
pub(super) fn unquote(text: &str, raw: bool, bytes: bool) -> Result<Vec<u8>, String> {
    let long = text.len() >= 6 && (text.starts_with("'''") || text.starts_with("\"\"\""));
    let marks = if long { 3 } else { 1 };
    let body = text[marks..text.len() - marks].replace("\r\n", "\n");
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body.as_str();
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else { return Err("truncated escape sequence \\".into()) };
        if raw {
            out.push(b'\\');
            out.extend_from_slice(&rest.as_bytes()[..c.len_utf8()]);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        rest = escape(c, rest, bytes, &mut out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Appends what the escape sequence starting with `c` stands for and returns what follows it.
fn escape<'a>(c: char, rest: &'a str, bytes: bool, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let simple = match c {
        '\n' => return Ok(&rest[1..]),
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '\'' | '"' => c as u8,
        '0'..='7' => {
            let length = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let value = u32::from_str_radix(&rest[..length], 8).unwrap_or(u32::MAX);
            push_byte(value, bytes, "octal", &rest[..length], out)?;
            return Ok(&rest[length..]);
        }
        'x' => {
            let digits = hex(rest, 2)?;
            push_byte(u32::from_str_radix(digits, 16).unwrap_or(u32::MAX), bytes, "hex", &rest[..3], out)?;
            return Ok(&rest[3..]);
        }
        'u' | 'U' => {
            let length = if c == 'u' { 4 } else { 8 };
            let digits = hex(rest, length)?;
            let value = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
            let value = value.ok_or_else(|| format!("invalid Unicode code point U+{digits}"))?;
            out.extend_from_slice(value.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(&rest[1 + length..]);
        }
        other => return Err(format!("invalid escape sequence \\{other}")),
    };
    out.push(simple);
    Ok(&rest[1..])
}

fn hex(rest: &str, length: usize) -> Result<&str, String> {
    match rest.get(1..1 + length) {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(digits),
        _ => Err(format!("invalid escape sequence \\{}", rest.chars().take(1 + length).collect::<String>())),
    }
}

/// Strings are text, so only ASCII may be given by number; bytes may hold anything up to 255.
fn push_byte(value: u32, bytes: bool, kind: &str, text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    match u8::try_from(value) {
        Ok(byte) if bytes || byte < 0x80 => {
            out.push(byte);
            Ok(())
        }
        Ok(_) => Err(format!("non-ASCII {kind} escape \\{text} (use \\u{value:04X} for the UTF-8 encoding)")),
        Err(_) => Err(format!("invalid escape sequence \\{text}")),
    }
}

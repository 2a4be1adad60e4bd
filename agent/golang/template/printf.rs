//! `printf` with the verbs, flags and error texts of Go's fmt.

use super::escape::push_quoted;
use super::{DEEPEST, LARGEST, Value, print};
use crate::number::{FloatStyle, format_float};

/// A width or precision beyond this is an error in Go as well.
const WIDEST: usize = 1_000_000;

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Go's `Sprintf`; mistakes show in the text, as `%!d(string=x)` does.
pub(super) fn sprintf(format: &str, args: &[Value<'_>]) -> String {
    let mut out = String::with_capacity(format.len() + 16);
    let mut rest = format;
    let mut next = 0;
    let mut reordered = false;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let mut directive = Directive { rest: after, next, args };
        let spec = directive.spec(&mut out);
        if let Some(index) = directive.index() {
            directive.next = index;
            reordered = true;
        }
        let Some(verb) = directive.rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            return out;
        };
        rest = &directive.rest[verb.len_utf8()..];
        next = directive.next;
        if verb == '%' {
            out.push('%');
        } else if let Some(value) = args.get(next) {
            Formatter { spec, verb }.value(value, &mut out, 0);
            next += 1;
        } else {
            out.push_str(&format!("%!{verb}(MISSING)"));
        }
        if out.len() > LARGEST {
            return out;
        }
    }
    out.push_str(rest);
    if !reordered && next < args.len() {
        let extra = args[next..].iter().map(|value| match value {
            Value::Nil => "<nil>".to_owned(),
            _ => format!("{}={}", value.type_name(), print::to_text(value)),
        });
        let extra: Vec<String> = extra.collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

struct Directive<'f, 'v, 'a> {
    rest: &'f str,
    /// The argument that comes next.
    next: usize,
    args: &'v [Value<'a>],
}

impl Directive<'_, '_, '_> {
    /// Reads flags, width and precision.
    fn spec(&mut self, out: &mut String) -> Spec {
        let mut spec = Spec::default();
        loop {
            match self.rest.bytes().next() {
                Some(b'-') => spec.minus = true,
                Some(b'+') => spec.plus = true,
                Some(b'#') => spec.sharp = true,
                Some(b' ') => spec.space = true,
                Some(b'0') => spec.zero = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        match self.number("%!(BADWIDTH)", out) {
            Some(width) if width < 0 => {
                spec.minus = true;
                spec.width = Some(width.unsigned_abs() as usize);
            }
            width => spec.width = width.map(|width| width as usize),
        }
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            let precision = self.number("%!(BADPREC)", out);
            spec.precision = precision.map_or(Some(0), |number| usize::try_from(number).ok());
        }
        // Zeros fill up on the left only.
        spec.zero &= !spec.minus;
        spec
    }

    /// Reads digits, or takes an argument for `*`.
    fn number(&mut self, bad: &str, out: &mut String) -> Option<i64> {
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            let value = self.args.get(self.next);
            self.next += 1;
            return match value {
                Some(Value::Int(number)) if number.unsigned_abs() <= WIDEST as u64 => Some(*number),
                _ => {
                    out.push_str(bad);
                    None
                }
            };
        }
        let end = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().ok().filter(|&number| number <= WIDEST as i64)
    }

    /// Reads `[n]`, the number of an argument from 1.
    fn index(&mut self) -> Option<usize> {
        let (number, rest) = self.rest.strip_prefix('[')?.split_once(']')?;
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        self.rest = rest;
        Some(index)
    }
}

struct Formatter {
    spec: Spec,
    verb: char,
}

impl Formatter {
    fn value(&self, value: &Value<'_>, out: &mut String, depth: usize) {
        if depth > DEEPEST || out.len() > LARGEST {
            return;
        }
        match (self.verb, value) {
            ('T', _) => self.pad(value.type_name(), out),
            ('v', Value::Nil) => self.pad("<nil>", out),
            (_, Value::Nil) => out.push_str(&format!("%!{}(<nil>)", self.verb)),
            (_, Value::List(items)) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    self.value(item, out, depth + 1);
                }
                out.push(']');
            }
            (_, Value::Map(map)) => {
                out.push_str("map[");
                for (index, (key, value)) in map.entries.borrow().iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    self.text(key, out);
                    out.push(':');
                    self.value(value, out, depth + 1);
                }
                out.push(']');
            }
            (_, Value::Text(text)) => self.text(text, out),
            ('v' | 't', Value::Bool(truth)) => self.pad(if *truth { "true" } else { "false" }, out),
            (_, Value::Int(number)) => self.integer(*number < 0, number.unsigned_abs(), value, out),
            (_, Value::Uint(number)) => self.integer(false, *number, value, out),
            (_, Value::Float(number)) => self.float(*number, value, out),
            ('v' | 's' | 'q', Value::Time(..) | Value::Object(_)) => {
                self.text(&print::to_text(value), out);
            }
            _ => self.bad(value, out),
        }
    }

    fn text(&self, text: &str, out: &mut String) {
        let cut = match self.spec.precision {
            Some(most) => text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end]),
            None => text,
        };
        match self.verb {
            'v' if self.spec.sharp => self.pad(&self.quoted(text), out),
            's' | 'v' => self.pad(cut, out),
            'q' if self.spec.sharp && !cut.contains(['`', '\n', '\r']) => {
                self.pad(&format!("`{cut}`"), out);
            }
            'q' => self.pad(&self.quoted(cut), out),
            'x' | 'X' => {
                let most = self.spec.precision.unwrap_or(usize::MAX);
                let pairs: Vec<String> = text
                    .bytes()
                    .take(most)
                    .map(|byte| match self.verb {
                        'x' => format!("{byte:02x}"),
                        _ => format!("{byte:02X}"),
                    })
                    .collect();
                let prefix = match (self.spec.sharp && !pairs.is_empty(), self.verb) {
                    (false, _) => "",
                    (true, 'x') => "0x",
                    (true, _) => "0X",
                };
                let between = if self.spec.space { format!(" {prefix}") } else { String::new() };
                self.pad(&format!("{prefix}{}", pairs.join(&between)), out);
            }
            _ => self.bad(&Value::text(text), out),
        }
    }

    fn integer(&self, negative: bool, size: u64, value: &Value<'_>, out: &mut String) {
        let digits = match self.verb {
            'v' | 'd' => size.to_string(),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'o' | 'O' => format!("{size:o}"),
            'b' => format!("{size:b}"),
            'c' => return self.pad(&char_of(negative, size).to_string(), out),
            'q' => {
                let mut text = String::from("'");
                push_quoted(char_of(negative, size), '\'', self.spec.plus, &mut text);
                text.push('\'');
                return self.pad(&text, out);
            }
            'U' => {
                let shown = match self.spec.sharp {
                    true => format!("U+{size:04X} '{}'", char_of(negative, size)),
                    false => format!("U+{size:04X}"),
                };
                return self.pad(&shown, out);
            }
            _ => return self.bad(value, out),
        };
        let prefix = match self.verb {
            'O' => "0o",
            'x' if self.spec.sharp => "0x",
            'X' if self.spec.sharp => "0X",
            'b' if self.spec.sharp => "0b",
            'o' if self.spec.sharp && !digits.starts_with('0') => "0",
            _ => "",
        };
        let sign = self.sign(negative);
        let least = match self.spec.precision {
            Some(0) if size == 0 => return self.pad_with("", false, out),
            Some(precision) => precision,
            // The zeros go between the sign and the digits.
            None if self.spec.zero => {
                let taken = sign.len() + prefix.len();
                self.spec.width.unwrap_or(0).saturating_sub(taken)
            }
            None => 0,
        };
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        self.pad_with(&format!("{sign}{prefix}{zeros}{digits}"), false, out);
    }

    fn float(&self, number: f64, value: &Value<'_>, out: &mut String) {
        let (style, default) = match self.verb {
            'v' | 'g' => (FloatStyle::Shortest, None),
            'G' => (FloatStyle::ShortestUpper, None),
            'f' | 'F' => (FloatStyle::Plain, Some(6)),
            'e' | 'E' => (FloatStyle::Exponent, Some(6)),
            _ => return self.bad(value, out),
        };
        let mut text = format_float(number, style, self.spec.precision.or(default));
        if self.verb == 'E' {
            text.make_ascii_uppercase();
        }
        let unsigned = text.trim_start_matches(['-', '+']);
        let sign = match number.is_nan() && !self.spec.plus && !self.spec.space {
            true => "",
            false if number == f64::INFINITY => "+",
            false => self.sign(text.starts_with('-')),
        };
        let zeros = match self.spec.zero && number.is_finite() {
            true => {
                let width = self.spec.width.unwrap_or(0);
                "0".repeat(width.saturating_sub(sign.len() + unsigned.len()))
            }
            false => String::new(),
        };
        self.pad_with(&format!("{sign}{zeros}{unsigned}"), false, out);
    }

    fn sign(&self, negative: bool) -> &'static str {
        match negative {
            true => "-",
            false if self.spec.plus => "+",
            false if self.spec.space => " ",
            false => "",
        }
    }

    /// Appends the text, filled up to the width.
    fn pad(&self, text: &str, out: &mut String) {
        self.pad_with(text, self.spec.zero, out);
    }

    fn pad_with(&self, text: &str, zeros: bool, out: &mut String) {
        let missing = match self.spec.width {
            Some(width) => width.saturating_sub(text.chars().count()),
            None => 0,
        };
        let fill = if zeros { "0" } else { " " };
        if !self.spec.minus {
            out.push_str(&fill.repeat(missing));
        }
        out.push_str(text);
        if self.spec.minus {
            out.push_str(&fill.repeat(missing));
        }
    }

    fn quoted(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 2);
        out.push('"');
        for char in text.chars() {
            push_quoted(char, '"', self.spec.plus, &mut out);
        }
        out.push('"');
        out
    }

    fn bad(&self, value: &Value<'_>, out: &mut String) {
        let (verb, name) = (self.verb, value.type_name());
        out.push_str(&format!("%!{verb}({name}={})", print::to_text(value)));
    }
}

/// The character of that number; what is none becomes U+FFFD.
fn char_of(negative: bool, code: u64) -> char {
    let code = u32::try_from(code).ok().filter(|_| !negative);
    code.and_then(char::from_u32).unwrap_or('\u{fffd}')
}

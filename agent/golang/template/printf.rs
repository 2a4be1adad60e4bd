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
    let mut directive = Directive { rest: format, next: 0, args, reordered: false, good: true };
    while let Some((before, after)) = directive.rest.split_once('%') {
        out.push_str(before);
        directive.rest = after;
        directive.good = true;
        let spec = directive.spec(&mut out);
        let Some(verb) = directive.rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            return out;
        };
        directive.rest = &directive.rest[verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
        } else if !directive.good {
            out.push_str(&format!("%!{verb}(BADINDEX)"));
        } else if let Some(value) = args.get(directive.next) {
            // What stands for Go's syntax or names of fields is no matter of the parts.
            let (plus, sharp) = (spec.plus && verb != 'v', spec.sharp && verb != 'v');
            let syntax = spec.sharp && verb == 'v';
            Formatter { spec: Spec { plus, sharp, ..spec }, verb, syntax, bare: false }.top(value, &mut out);
            directive.next += 1;
        } else {
            out.push_str(&format!("%!{verb}(MISSING)"));
        }
        if out.len() > LARGEST {
            return out;
        }
    }
    out.push_str(directive.rest);
    if !directive.reordered && directive.next < args.len() {
        let extra = args[directive.next..].iter().map(|value| match value {
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
    /// Some directive named its argument by number.
    reordered: bool,
    /// The numbers of arguments in this directive are sound and in their places.
    good: bool,
}

impl Directive<'_, '_, '_> {
    /// Reads flags, width, precision and the numbers of arguments.
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
        let mut indexed = self.index();
        if self.rest.starts_with('*') {
            indexed = false;
            spec.width = match self.argument("%!(BADWIDTH)", out) {
                Some(width) => {
                    spec.minus |= width < 0;
                    Some(width.unsigned_abs() as usize)
                }
                None => None,
            };
        } else {
            spec.width = self.digits();
            // "%[3]2d": the number stands behind the width.
            self.good &= !(indexed && spec.width.is_some());
        }
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            self.good &= !indexed;
            indexed = self.index();
            if self.rest.starts_with('*') {
                indexed = false;
                let precision = self.argument("%!(BADPREC)", out);
                spec.precision = precision.and_then(|number| usize::try_from(number).ok());
                if precision.is_some_and(|number| number < 0) {
                    out.push_str("%!(BADPREC)");
                }
            } else {
                spec.precision = Some(self.digits().unwrap_or(0));
            }
        }
        if !indexed {
            self.index();
        }
        // Zeros fill up on the left only.
        spec.zero &= !spec.minus;
        spec
    }

    /// The argument that `*` stands for.
    fn argument(&mut self, bad: &str, out: &mut String) -> Option<i64> {
        self.rest = &self.rest[1..];
        let number = self.args.get(self.next).and_then(|value| match value {
            Value::Uint(number) => i64::try_from(*number).ok(),
            value => value.whole(),
        });
        self.next += usize::from(self.next < self.args.len());
        let number = number.filter(|number| number.unsigned_abs() <= WIDEST as u64);
        if number.is_none() {
            out.push_str(bad);
        }
        number
    }

    fn digits(&mut self) -> Option<usize> {
        let end = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().ok().filter(|&number| number <= WIDEST)
    }

    /// Reads `[n]`, the number of an argument from 1; whether there was a sound one.
    fn index(&mut self) -> bool {
        let Some(inner) = self.rest.strip_prefix('[') else {
            return false;
        };
        self.reordered = true;
        let Some((number, rest)) = inner.split_once(']').filter(|_| self.rest.len() >= 3) else {
            self.good = false;
            self.rest = inner;
            return false;
        };
        self.rest = rest;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { number.parse::<usize>().ok().filter(|&number| number <= WIDEST) } else { None };
        match number.and_then(|number| number.checked_sub(1)).filter(|&index| index < self.args.len()) {
            Some(index) => self.next = index,
            None => self.good = false,
        }
        number.is_some()
    }
}

struct Formatter {
    spec: Spec,
    verb: char,
    /// `%#v`: values as Go writes them.
    syntax: bool,
    /// Behind a wrong verb, where nothing prints by a name of its own.
    bare: bool,
}

impl Formatter {
    /// An argument itself.
    fn top(&self, value: &Value<'_>, out: &mut String) {
        match (self.verb, value) {
            ('T', _) => self.shown(value.type_name(), out),
            ('v', Value::Nil) => self.pad("<nil>", out),
            (_, Value::Nil) => out.push_str(&format!("%!{}(<nil>)", self.verb)),
            _ => self.value(value, out, 0),
        }
    }

    /// An argument or a value in one.
    fn value(&self, value: &Value<'_>, out: &mut String, depth: usize) {
        if depth > DEEPEST || out.len() > LARGEST {
            return;
        }
        match (self.verb, value) {
            (_, Value::Nil) if self.syntax => out.push_str("interface {}(nil)"),
            (_, Value::Nil) => out.push_str("<nil>"),
            ('p', _) => self.bad(value, out),
            (_, Value::List(items)) => {
                let (open, between, close) = match self.syntax {
                    true => (format!("{}{{", value.type_name()), ", ", '}'),
                    false => ("[".to_owned(), " ", ']'),
                };
                // The text of bytes is not among the values of templates, so a list is one of values always.
                out.push_str(&open);
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(between);
                    }
                    self.value(item, out, depth + 1);
                }
                out.push(close);
            }
            (_, Value::Map(map)) => {
                let (open, between, close) = match self.syntax {
                    true => (format!("{}{{", value.type_name()), ", ", '}'),
                    false => ("map[".to_owned(), " ", ']'),
                };
                out.push_str(&open);
                for (index, (key, value)) in map.entries.borrow().iter().enumerate() {
                    if index > 0 {
                        out.push_str(between);
                    }
                    self.text(key, out);
                    out.push(':');
                    self.value(value, out, depth + 1);
                }
                out.push(close);
            }
            (_, Value::Text(text)) => self.text(text, out),
            ('v' | 't', Value::Bool(truth)) => self.pad(if *truth { "true" } else { "false" }, out),
            ('v' | 's' | 'q' | 'x' | 'X', Value::Counted(..)) if !self.syntax && !self.bare => {
                self.text(&print::to_text(value), out)
            }
            (_, Value::Int(number) | Value::Counted(number, _)) => {
                self.integer(*number < 0, number.unsigned_abs(), value, out);
            }
            ('v', Value::Uint(number)) if self.syntax => {
                let spec = Spec { sharp: true, ..self.spec };
                Formatter { spec, verb: 'x', syntax: false, bare: self.bare }.integer(false, *number, value, out);
            }
            (_, Value::Uint(number)) => self.integer(false, *number, value, out),
            (_, Value::Float(number)) => self.float(*number, value, out),
            ('v' | 's' | 'q', Value::Time(..) | Value::Object(_)) => {
                self.text(&print::to_text(value), out);
            }
            _ => self.bad(value, out),
        }
    }

    /// A text cut to the precision and filled up to the width.
    fn shown(&self, text: &str, out: &mut String) {
        self.pad(self.cut(text), out);
    }

    fn cut<'t>(&self, text: &'t str) -> &'t str {
        match self.spec.precision {
            Some(most) => text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end]),
            None => text,
        }
    }

    fn text(&self, text: &str, out: &mut String) {
        let cut = self.cut(text);
        match self.verb {
            'v' if self.syntax => self.pad(&self.quoted(cut), out),
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
        let precision = self.spec.precision.or(default);
        let mut text = format_float(number, style, precision);
        if self.verb == 'E' && number.is_finite() {
            text.make_ascii_uppercase();
        }
        if self.spec.sharp && number.is_finite() {
            let all = matches!(self.verb, 'v' | 'g' | 'G').then_some(precision.unwrap_or(6));
            text = with_point(&text, all.unwrap_or(0));
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

    /// A verb that the value does not know; the flags hold for the value all the same.
    fn bad(&self, value: &Value<'_>, out: &mut String) {
        let (verb, name) = (self.verb, value.type_name());
        out.push_str(&format!("%!{verb}({name}="));
        Formatter { spec: self.spec, verb: 'v', syntax: false, bare: true }.value(value, out, 0);
        out.push(')');
    }
}

/// The number with a point, and with zeros up to so many digits that count.
fn with_point(text: &str, digits: usize) -> String {
    let (number, tail) = text.split_at(text.find(['e', 'E']).unwrap_or(text.len()));
    let unsigned = number.trim_start_matches('-');
    // Zeros in front do not count, but for that of zero itself.
    let counted = unsigned.trim_start_matches(['0', '.']);
    let counted = counted.len() - usize::from(counted.contains('.')) + usize::from(unsigned == "0");
    let point = if number.contains('.') { "" } else { "." };
    format!("{number}{point}{}{tail}", "0".repeat(digits.saturating_sub(counted)))
}

/// The character of that number; what is none becomes U+FFFD.
fn char_of(negative: bool, code: u64) -> char {
    let code = u32::try_from(code).ok().filter(|_| !negative);
    code.and_then(char::from_u32).unwrap_or('\u{fffd}')
}

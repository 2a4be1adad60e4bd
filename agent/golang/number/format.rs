//! Prints numbers: integers, and floats in Go's three styles.
//!
//! The shortest digits that read back as the same float come from zmij; here they are only laid out. All functions append
//! to what the caller has, since serializers print millions of numbers into one buffer.

use std::fmt::Write;

/// What text can be appended to: a `String` or a `Vec<u8>`.
pub trait Sink {
    /// Appends the text.
    fn push_text(&mut self, text: &str);
}

impl Sink for String {
    fn push_text(&mut self, text: &str) {
        self.push_str(text);
    }
}

impl Sink for Vec<u8> {
    fn push_text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

/// How a float is laid out; the letters are those of Go's `strconv.FormatFloat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatStyle {
    /// `f`: never an exponent.
    Plain,
    /// `e`: always an exponent, "1.5e+06".
    Exponent,
    /// `g`, what `%v` prints: an exponent below 1e-04 and from 1e+06 on.
    Shortest,
    /// `G`: as `g` with a capital `E`.
    ShortestUpper,
    /// What Go's `encoding/json` prints: an exponent below 1e-06 and from 1e21 on, written "1e-7".
    Json,
}

/// Appends a whole number.
pub fn append_int(value: i64, out: &mut impl Sink) {
    out.push_text(itoa::Buffer::new().format(value));
}

/// Appends a whole number.
pub fn append_uint(value: u64, out: &mut impl Sink) {
    out.push_text(itoa::Buffer::new().format(value));
}

/// Appends the shortest digits that read back as `value`; "NaN", "+Inf" and "-Inf" for what is no number.
pub fn append_float(value: f64, style: FloatStyle, out: &mut impl Sink) {
    if let Some(name) = special(value) {
        out.push_text(name);
        return;
    }
    let small = value.abs() < 1e15;
    if style == FloatStyle::Plain && small && value.fract() == 0.0 {
        if value == 0.0 && value.is_sign_negative() {
            out.push_text("-");
        }
        append_int(value as i64, out);
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    if style == FloatStyle::Plain && !text.contains('e') {
        out.push_text(text.strip_suffix(".0").unwrap_or(text));
        return;
    }
    let digits = Digits::read(text);
    match style {
        FloatStyle::Plain => digits.plain(digits.fraction(), out),
        FloatStyle::Exponent => digits.scientific(digits.count - 1, b'e', out),
        FloatStyle::Shortest | FloatStyle::ShortestUpper => {
            let letter = if style == FloatStyle::Shortest { b'e' } else { b'E' };
            // Go decides as if the precision were 6.
            if digits.exponent() < -4 || digits.exponent() >= 6 {
                digits.scientific(digits.count - 1, letter, out);
            } else {
                digits.plain(digits.fraction(), out);
            }
        }
        FloatStyle::Json => {
            let size = value.abs();
            if size != 0.0 && !(1e-6..1e21).contains(&size) {
                digits.json(out);
            } else {
                digits.plain(digits.fraction(), out);
            }
        }
    }
}

/// Prints with `precision` digits: after the point for `Plain`, `Exponent`, in all for the shortest styles; `None` is as
/// many as needed. `Json` has no precision.
pub fn format_float(value: f64, style: FloatStyle, precision: Option<usize>) -> String {
    let mut out = String::new();
    let (Some(precision), None) = (precision, special(value)) else {
        append_float(value, style, &mut out);
        return out;
    };
    match style {
        FloatStyle::Plain => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{value:.precision$}");
        }
        FloatStyle::Exponent => {
            let digits = Digits::rounded(value, precision + 1);
            digits.scientific(precision, b'e', &mut out);
        }
        FloatStyle::Shortest | FloatStyle::ShortestUpper => {
            let precision = precision.max(1);
            let digits = Digits::rounded(value, precision);
            let (count, letter) = (digits.count as i32, b"eE"[usize::from(style != FloatStyle::Shortest)]);
            let mut limit = precision as i32;
            if limit > count && count >= digits.point {
                limit = count;
            }
            if digits.exponent() < -4 || digits.exponent() >= limit {
                digits.scientific(digits.count - 1, letter, &mut out);
            } else {
                digits.plain(digits.fraction(), &mut out);
            }
        }
        FloatStyle::Json => append_float(value, style, &mut out),
    }
    out
}

fn special(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// A float as 0.ddd times ten to the `point`; zero has one digit, all others begin and end with a digit that is not 0.
struct Digits {
    negative: bool,
    digits: String,
    count: usize,
    point: i32,
}

impl Digits {
    /// Reads "-12.5", "0.001" or "1.5e-7".
    fn read(text: &str) -> Digits {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (number, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut digits = String::with_capacity(24);
        digits.push_str(whole);
        digits.push_str(fraction);
        let leading = digits.len() - digits.trim_start_matches('0').len();
        digits.drain(..leading);
        digits.truncate(digits.trim_end_matches('0').len());
        // Both printers write exponents that fit.
        let mut point = exponent.parse::<i32>().unwrap_or(0) + whole.len() as i32 - leading as i32;
        if digits.is_empty() {
            digits.push('0');
            point = 1;
        }
        Digits { negative, count: digits.len(), digits, point }
    }

    /// The `count` first digits, correctly rounded.
    fn rounded(value: f64, count: usize) -> Digits {
        Digits::read(&format!("{value:.*e}", count - 1))
    }

    /// The power of ten of the first digit.
    fn exponent(&self) -> i32 {
        self.point - 1
    }

    /// How many digits stand after the point.
    fn fraction(&self) -> usize {
        (self.count as i32 - self.point).max(0) as usize
    }

    fn sign(&self, out: &mut impl Sink) {
        if self.negative {
            out.push_text("-");
        }
    }

    fn plain(&self, fraction: usize, out: &mut impl Sink) {
        self.sign(out);
        let whole = self.point.max(0) as usize;
        if whole == 0 {
            out.push_text("0");
        } else if whole <= self.count {
            out.push_text(&self.digits[..whole]);
        } else {
            out.push_text(&self.digits);
            zeros(whole - self.count, out);
        }
        if fraction > 0 {
            out.push_text(".");
            zeros((-self.point).max(0) as usize, out);
            out.push_text(&self.digits[whole.min(self.count)..]);
        }
    }

    fn scientific(&self, precision: usize, letter: u8, out: &mut impl Sink) {
        self.mantissa(precision, out);
        out.push_text(if letter == b'E' { "E" } else { "e" });
        let exponent = self.exponent();
        out.push_text(if exponent < 0 { "-" } else { "+" });
        if exponent.abs() < 10 {
            out.push_text("0");
        }
        append_int(i64::from(exponent.abs()), out);
    }

    fn json(&self, out: &mut impl Sink) {
        self.mantissa(self.count - 1, out);
        let exponent = self.exponent();
        out.push_text(if exponent < 0 { "e-" } else { "e+" });
        append_int(i64::from(exponent.abs()), out);
    }

    /// One digit, and `precision` more after a point.
    fn mantissa(&self, precision: usize, out: &mut impl Sink) {
        self.sign(out);
        out.push_text(&self.digits[..1]);
        if precision > 0 {
            out.push_text(".");
            let given = &self.digits[1..self.count.min(precision + 1)];
            out.push_text(given);
            zeros(precision - given.len(), out);
        }
    }
}

fn zeros(count: usize, out: &mut impl Sink) {
    for _ in 0..count {
        out.push_text("0");
    }
}

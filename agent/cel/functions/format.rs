//! `string.format`: a template with clauses such as `%d` and `%.2f`, and a list of values.
//!
//! Where template and list are literals, the checker reads the template first, so that a wrong clause or a missing
//! value is found when the configuration is read.

use std::fmt::Write;

use agent_golang::number::{FloatStyle, format_float};

use super::{no_overload, text};
use crate::error::{Fault, Outcome};
use crate::eval::Context;
use crate::types::Type;
use crate::value::{Kind, Value};

const MAX_PRECISION: usize = 100;

enum Piece<'t> {
    Plain(&'t str),
    Clause { letter: char, precision: Option<usize> },
}

/// The pieces of a template, in order.
fn pieces(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((plain, behind)) = rest.split_once('%') {
        pieces.push(Piece::Plain(plain));
        if let Some(after) = behind.strip_prefix('%') {
            pieces.push(Piece::Plain("%"));
            rest = after;
            continue;
        }
        let (precision, behind) = match behind.strip_prefix('.') {
            None => (None, behind),
            Some(digits) => {
                let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
                let precision = digits[..end].parse::<usize>().ok().filter(|precision| *precision <= MAX_PRECISION);
                let Some(precision) = precision else {
                    return Err(format!("format: precision must be a number up to {MAX_PRECISION}"));
                };
                (Some(precision), &digits[end..])
            }
        };
        let mut characters = behind.chars();
        match characters.next() {
            None => return Err("format: unexpected end of template after '%'".to_owned()),
            Some(letter @ ('s' | 'd' | 'f' | 'e' | 'b' | 'x' | 'X' | 'o')) => {
                pieces.push(Piece::Clause { letter, precision });
            }
            Some(letter) => return Err(format!("format: unknown clause %{letter}")),
        }
        rest = characters.as_str();
    }
    pieces.push(Piece::Plain(rest));
    Ok(pieces)
}

/// Whether a clause takes values of a type; what is not known takes its chance.
fn takes(letter: char, of: Kind) -> bool {
    match letter {
        's' => true,
        'd' | 'f' | 'e' => matches!(of, Kind::Int | Kind::Uint | Kind::Double),
        'b' => matches!(of, Kind::Int | Kind::Uint | Kind::Bool),
        'o' => matches!(of, Kind::Int | Kind::Uint),
        _ => matches!(of, Kind::Int | Kind::Uint | Kind::String | Kind::Bytes),
    }
}

/// Checks a literal template against the types of the literal list behind it.
pub(crate) fn check(template: &str, args: &[Type]) -> Result<(), String> {
    let mut args_left = args.iter();
    for piece in pieces(template)? {
        if let Piece::Clause { letter, .. } = piece {
            let Some(arg) = args_left.next() else {
                return Err(format!("format: too few values, there are {}", args.len()));
            };
            let kind = match arg {
                Type::Null => Kind::Null,
                Type::Bool => Kind::Bool,
                Type::Int => Kind::Int,
                Type::Uint => Kind::Uint,
                Type::Double => Kind::Double,
                Type::String => Kind::String,
                Type::Bytes => Kind::Bytes,
                Type::Timestamp => Kind::Timestamp,
                Type::Duration => Kind::Duration,
                Type::List(_) => Kind::List,
                Type::Map(..) => Kind::Map,
                Type::Meta(_) => Kind::Type,
                Type::Dyn | Type::Var(_) => continue,
            };
            if !takes(letter, kind) {
                return Err(format!("format: %{letter} cannot show a value of type {arg}"));
            }
        }
    }
    match args_left.len() {
        0 => Ok(()),
        left => Err(format!("format: too many values, {} expected, {} given", args.len() - left, args.len())),
    }
}

pub(super) fn format<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let template = text(args, 0, "format")?;
    let Some(Value::List(values)) = args.get(1) else {
        return no_overload("format");
    };
    let mut values = values.iter();
    let mut shown = String::new();
    for piece in pieces(template)? {
        let before = shown.len();
        match piece {
            Piece::Plain(plain) => shown.push_str(plain),
            Piece::Clause { letter, precision } => {
                let Some(value) = values.next() else {
                    return Err("format: too few values".into());
                };
                if !takes(letter, value.kind()) {
                    let kind = value.kind().name();
                    return Err(format!("format: %{letter} cannot show a value of type {kind}").into());
                }
                show(context, &mut shown, letter, precision, value)?;
            }
        }
        context.spend(1 + (shown.len() - before) / 16)?;
    }
    Ok(Value::Text(shown.into()))
}

fn show<'a>(
    context: &mut Context<'a>,
    out: &mut String,
    letter: char,
    precision: Option<usize>,
    value: &Value<'a>,
) -> Result<(), Fault<'a>> {
    match letter {
        's' | 'd' => return plain(context, out, value),
        'f' | 'e' => {
            let number = match value {
                Value::Int(number) => *number as f64,
                Value::Uint(number) => *number as f64,
                Value::Double(number) => *number,
                _ => 0.0,
            };
            if !number.is_finite() {
                return plain(context, out, &Value::Double(number));
            }
            let style = if letter == 'f' { FloatStyle::Plain } else { FloatStyle::Exponent };
            out.push_str(&format_float(number, style, Some(precision.unwrap_or(6))));
        }
        _ => {
            let (negative, number) = match value {
                Value::Int(number) => (*number < 0, number.unsigned_abs()),
                Value::Uint(number) => (false, *number),
                Value::Bool(value) => (false, u64::from(*value)),
                Value::Bytes(bytes) => return hex(context, out, letter, bytes),
                other => return hex(context, out, letter, other.text().unwrap_or("").as_bytes()),
            };
            out.push_str(if negative { "-" } else { "" });
            match letter {
                'b' => push(out, format_args!("{number:b}")),
                'o' => push(out, format_args!("{number:o}")),
                'X' => push(out, format_args!("{number:X}")),
                _ => push(out, format_args!("{number:x}")),
            }
        }
    }
    Ok(())
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a String takes all text");
}

fn hex<'a>(context: &mut Context<'a>, out: &mut String, letter: char, bytes: &[u8]) -> Result<(), Fault<'a>> {
    context.spend_bytes(bytes.len())?;
    for byte in bytes {
        if letter == 'X' {
            push(out, format_args!("{byte:02X}"));
        } else {
            push(out, format_args!("{byte:02x}"));
        }
    }
    Ok(())
}

/// A value as `%s` has it: lists and maps in brackets, maps in the order of their keys' texts.
fn plain<'a>(context: &mut Context<'a>, out: &mut String, value: &Value<'a>) -> Result<(), Fault<'a>> {
    match value {
        Value::Double(number) if number.is_infinite() => {
            out.push_str(if *number > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                context.spend(1)?;
                out.push_str(if at > 0 { ", " } else { "" });
                plain(context, out, item)?;
            }
            out.push(']');
        }
        Value::Map(_) | Value::Tags | Value::Fields => {
            let mut shown = Vec::new();
            for (key, value) in context.entries(value)?.iter() {
                let (mut key_text, mut value_text) = (String::new(), String::new());
                plain(context, &mut key_text, key)?;
                plain(context, &mut value_text, value)?;
                shown.push((key_text, value_text));
            }
            shown.sort();
            let shown: Vec<_> = shown.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
            let shown = shown.join(", ");
            context.spend_bytes(shown.len())?;
            push(out, format_args!("{{{shown}}}"));
        }
        other => {
            let text = other.to_string();
            context.spend_bytes(text.len())?;
            out.push_str(&text);
        }
    }
    Ok(())
}

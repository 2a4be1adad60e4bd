//! The builtin functions named after types, which make values of them.

use super::{Args, Cx, Function};
use crate::error::{Error, Result, fail};
use crate::heap::{Other, whole};

use crate::value::Value;

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("bool", bool),
    ("bytes", bytes),
    ("dict", dict),
    ("float", float),
    ("int", int),
    ("list", list),
    ("range", range),
    ("set", set),
    ("str", str),
    ("tuple", tuple),
];

fn bool(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value] = args.plain::<1>("bool", 0)?;
    Ok(Value::Bool(value.is_some_and(|value| cx.truth(value))))
}

fn str(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("str")?;
    if let Value::Str(_) = value {
        return Ok(value);
    }
    // Only here are bytes read as text; formats show them as they are written.
    let text = match cx.heap.bytes_value(value) {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned().into_bytes(),
        None => cx.str(value)?,
    };
    cx.heap.reserve(text.len())?;
    Ok(cx.heap.byte_string(&text))
}

fn bytes(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("bytes")?;
    if cx.heap.bytes_value(value).is_some() {
        return Ok(value);
    }
    let bytes = match value {
        // Bytes hold UTF-8 as strings do; what is broken is replaced.
        Value::Str(_) => cx.heap.text(value).into_owned().into_bytes(),
        _ => {
            let Some(items) = cx.iterable(value)? else {
                fail!("bytes: got {}, want string, bytes, or iterable of ints", cx.type_name(value));
            };
            let byte = |(at, item): (usize, Value)| match item {
                Value::Int(byte) => u8::try_from(byte).map_err(|_| {
                    Error::new(format!(
                        "bytes: at index {at}, {byte} out of range (want value in unsigned 8-bit range)"
                    ))
                }),
                other => fail!("bytes: at index {at}, got {}, want int", cx.type_name(other)),
            };
            items.into_iter().enumerate().map(byte).collect::<Result<Vec<u8>>>()?
        }
    };
    Ok(cx.heap.other(Other::Bytes(bytes.into())))
}

fn list(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value] = args.plain::<1>("list", 0)?;
    let items = value.map_or(Ok(Vec::new()), |value| cx.iterate(value, "list: for parameter 1"))?;
    cx.heap.reserve(size_of_val(items.as_slice()))?;
    Ok(cx.heap.list(items))
}

fn tuple(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value] = args.plain::<1>("tuple", 0)?;
    if let Some(Value::Tuple(_)) = value {
        return Ok(value.unwrap_or(Value::None));
    }
    let items = value.map_or(Ok(Vec::new()), |value| cx.iterate(value, "tuple: for parameter 1"))?;
    cx.heap.reserve(size_of_val(items.as_slice()))?;
    Ok(cx.heap.tuple(&items))
}

fn set(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value] = args.plain::<1>("set", 0)?;
    let items = value.map_or(Ok(Vec::new()), |value| cx.iterate(value, "set: for parameter 1"))?;
    cx.new_set(&items).map_err(|error| error.prefixed("set"))
}

fn dict(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    if args.positional().len() > 1 {
        fail!("dict: got {} arguments, want at most 1", args.positional().len());
    }
    let pairs = cx.pairs(args, "dict")?;
    let dict = cx.heap.dict(pairs.len());
    for (key, value) in pairs {
        cx.heap.insert(dict, key, value).map_err(|error| error.prefixed("dict"))?;
    }
    Ok(dict)
}

fn range(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [first, second, step] = args.plain::<3>("range", 1)?;
    let number = |value: Option<Value>, param: &str, default: i64| {
        value.map_or(Ok(default), |value| cx.small_int(value, "range", param))
    };
    let (start, stop) = match second {
        None => (0, number(first, "1", 0)?),
        Some(_) => (number(first, "1", 0)?, number(second, "2", 0)?),
    };
    let step = number(step, "3", 1)?;
    if step == 0 {
        fail!("range: step argument must not be zero");
    }
    Ok(cx.heap.other(Other::Range { start, stop, step }))
}

fn float(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value] = args.plain::<1>("float", 0)?;
    match value {
        None => Ok(Value::Float(0.0)),
        Some(Value::Bool(value)) => Ok(Value::Float(f64::from(u8::from(value)))),
        Some(Value::Str(id)) => {
            let text = String::from_utf8_lossy(cx.heap.bytes_of(id)).into_owned();
            if text.is_empty() {
                fail!("float: empty string");
            }
            match agent_golang::number::parse_float(&text) {
                Ok(value) => Ok(Value::Float(value)),
                Err(error) if error.is_out_of_range() => fail!("float: floating-point number too large"),
                Err(_) => fail!("invalid float literal: {}", clipped(&text)),
            }
        }
        Some(other) => match cx.heap.number(other) {
            Some(value) if value.is_infinite() && !matches!(other, Value::Float(_)) => {
                fail!("float: int too large to convert to float")
            }
            Some(value) => Ok(Value::Float(value)),
            None => fail!("float got {}, want number or string", cx.type_name(other)),
        },
    }
}

fn int(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value, base] = args.unpack(cx.heap, "int", ["x", "base"], 1)?;
    let value = value.unwrap_or(Value::None);
    let base = match base {
        None | Some(Value::None) => None,
        Some(base) => Some(cx.small_int(base, "int", "base")?),
    };
    if let Value::Str(id) = value {
        let base = base.unwrap_or(10);
        if base != 0 && !(2..=36).contains(&base) {
            fail!("int: base must be an integer >= 2 && <= 36");
        }
        let text = String::from_utf8_lossy(cx.heap.bytes_of(id)).into_owned();
        return match parse_int(&text, base as u32) {
            Ok(value) => Ok(cx.heap.int(value)),
            Err(true) => fail!("int: {} is beyond 128 bits", clipped(&text)),
            Err(false) => fail!("int: invalid literal with base {base}: {}", clipped(&text)),
        };
    }
    if base.is_some() {
        fail!("int: can't convert non-string with explicit base");
    }
    match value {
        Value::Bool(value) => Ok(Value::Int(i64::from(value))),
        Value::Float(value) => {
            let value = truncate(value).map_err(|error| error.prefixed("int"))?;
            Ok(cx.heap.int(value))
        }
        other if cx.heap.integer(other).is_some() => Ok(other),
        other => fail!("int: cannot convert {} to int", cx.type_name(other)),
    }
}

/// True as error means that the number is too large.
fn parse_int(text: &str, base: u32) -> std::result::Result<i128, bool> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.get(..2).unwrap_or_default().to_ascii_lowercase();
    let prefixed = match lower.as_str() {
        "0x" => Some(16),
        "0o" => Some(8),
        "0b" => Some(2),
        _ => None,
    };
    let (base, digits) = match (prefixed, base) {
        (Some(prefixed), base) if base == 0 || base == prefixed => (prefixed, &digits[2..]),
        (_, 0) if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') => {
            return Err(false);
        }
        (_, 0) => (10, digits),
        (_, base) => (base, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return Err(false);
    }
    let sign = if negative { "-" } else { "" };
    i128::from_str_radix(&format!("{sign}{digits}"), base).map_err(|_| true)
}

/// A float without its fraction.
pub(super) fn truncate(value: f64) -> Result<i128> {
    match whole(value.trunc()) {
        Some(value) => Ok(value),
        None if value.is_finite() => fail!("cannot convert float beyond 128 bits to integer"),
        None if value.is_nan() => fail!("cannot convert float NaN to integer"),
        None => fail!("cannot convert float infinity to integer"),
    }
}

/// Without quotes, as scripts that compare what `catch` gives expect it, and cut if it is long.
fn clipped(text: &str) -> String {
    text.chars().take(60).collect()
}

//! The builtin functions that do not call back into the script.

use super::{Args, Cx, Function};
use crate::error::{Result, fail};
use crate::value::Value;

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("abs", abs),
    ("all", all),
    ("any", any),
    ("chr", chr),
    ("dir", dir),
    ("enumerate", enumerate),
    ("fail", fail),
    ("getattr", getattr),
    ("hasattr", hasattr),
    ("hash", hash),
    ("len", len),
    ("ord", ord),
    ("print", print),
    ("repr", repr),
    ("reversed", reversed),
    ("type", type_),
    ("zip", zip),
];

fn abs(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("abs")?;
    match (value, cx.heap.integer(value)) {
        (Value::Float(value), _) => Ok(Value::Float(value.abs())),
        (_, Some(value)) => match value.checked_abs() {
            Some(value) => Ok(cx.heap.int(value)),
            None => fail!("abs: integer overflow: only integers of up to 128 bits are supported"),
        },
        _ => fail!("got {}, want int or float", cx.type_name(value)),
    }
}

fn all(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("all")?;
    let items = cx.iterate(value, "all: for parameter 1")?;
    Ok(Value::Bool(items.into_iter().all(|item| cx.truth(item))))
}

fn any(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("any")?;
    let items = cx.iterate(value, "any: for parameter 1")?;
    Ok(Value::Bool(items.into_iter().any(|item| cx.truth(item))))
}

fn chr(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("chr")?;
    let Some(code) = cx.heap.integer(value) else {
        fail!("chr: got {}, want int", cx.type_name(value));
    };
    match u32::try_from(code).ok().and_then(char::from_u32) {
        Some(c) => Ok(cx.heap.string(c.encode_utf8(&mut [0; 4]))),
        None if code < 0 => fail!("chr: Unicode code point {code} out of range (<0)"),
        None => fail!("chr: Unicode code point U+{code:X} out of range (>0x10FFFF)"),
    }
}

fn ord(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("ord")?;
    if let Value::Str(id) = value {
        let text = String::from_utf8_lossy(cx.heap.bytes_of(id));
        let mut chars = text.chars();
        return match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(Value::Int(i64::from(u32::from(c)))),
            _ => fail!("ord: string encodes {} Unicode code points, want 1", text.chars().count()),
        };
    }
    match cx.heap.bytes_value(value) {
        Some(&[byte]) => Ok(Value::Int(i64::from(byte))),
        Some(bytes) => fail!("ord: bytes has length {}, want 1", bytes.len()),
        None => fail!("ord: got {}, want string or bytes", cx.type_name(value)),
    }
}

fn dir(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("dir")?;
    let names = cx.attributes(value).iter().map(|name| cx.heap.string(name)).collect();
    Ok(cx.heap.list(names))
}

fn enumerate(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value, start] = args.plain::<2>("enumerate", 1)?;
    let start = start.map_or(Ok(0), |start| cx.small_int(start, "enumerate", "2"))?;
    let items = cx.iterate(value.unwrap_or(Value::None), "enumerate: for parameter 1")?;
    cx.heap.reserve(items.len().saturating_mul(64))?;
    let number = |at: usize| Value::Int(start.wrapping_add(at as i64));
    let pairs = items.into_iter().enumerate().map(|(at, item)| cx.heap.tuple(&[number(at), item])).collect();
    Ok(cx.heap.list(pairs))
}

fn fail(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let text = joined(cx, args, "fail")?;
    fail!("fail: {text}")
}

fn print(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let text = joined(cx, args, "print")?;
    cx.host.print(&text);
    Ok(Value::None)
}

/// The arguments as one text, with the separator that the argument `sep` gives.
fn joined(cx: &mut Cx<'_>, args: Args<'_>, function: &str) -> Result<String> {
    let mut separator = " ".to_owned();
    for (name, value) in args.named() {
        let name = cx.heap.text(name).into_owned();
        if name != "sep" {
            fail!("{function}: unexpected keyword argument \"{name}\"");
        }
        cx.need_str(Some(value), function, "sep")?;
        separator = cx.heap.text(value).into_owned();
    }
    let mut out = Vec::new();
    for (at, &value) in args.positional().iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(separator.as_bytes());
        }
        cx.write_str(&mut out, value)?;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn getattr(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [object, name, default] = args.plain::<3>("getattr", 2)?;
    let object = object.unwrap_or(Value::None);
    let id = cx.need_str(name, "getattr", "2")?;
    let name = cx.heap.text(Value::Str(id)).into_owned();
    let known = cx.attributes(object).contains(&name);
    let symbol = if known { cx.heap.symbols.intern(&name) } else { cx.heap.symbols.find(&name) };
    let found = symbol.map_or(Ok(None), |symbol| cx.attr(object, symbol));
    match (found, default) {
        (Ok(Some(value)), _) => Ok(value),
        (_, Some(default)) => Ok(default),
        (Err(error), None) => Err(error.prefixed("getattr")),
        (Ok(None), None) => fail!("getattr: {} has no .{name} field or method", cx.type_name(object)),
    }
}

fn hasattr(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [object, name] = args.plain::<2>("hasattr", 2)?;
    let name = cx.need_str(name, "hasattr", "2")?;
    let name = cx.heap.text(Value::Str(name)).into_owned();
    Ok(Value::Bool(cx.attributes(object.unwrap_or(Value::None)).contains(&name)))
}

/// The hash that the language defines for text, which must not differ from run to run.
fn hash(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("hash")?;
    let hash = match value {
        Value::Str(_) => {
            let text = cx.heap.text(value);
            text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
        }
        _ => match cx.heap.bytes_value(value) {
            Some(bytes) => {
                let fnv = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
                return Ok(Value::Int(i64::from(bytes.iter().fold(2_166_136_261, fnv))));
            }
            None => fail!("hash: got {}, want string or bytes", cx.type_name(value)),
        },
    };
    Ok(Value::Int(i64::from(hash)))
}

fn len(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("len")?;
    match cx.len(value) {
        Some(len) => Ok(Value::Int(len as i64)),
        None => fail!("len: value of type {} has no len", cx.type_name(value)),
    }
}

fn repr(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("repr")?;
    let text = cx.repr(value)?;
    cx.heap.reserve(text.len())?;
    Ok(cx.heap.string(&text))
}

fn reversed(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("reversed")?;
    let mut items = cx.iterate(value, "reversed: for parameter 1")?;
    items.reverse();
    Ok(cx.heap.list(items))
}

fn type_(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.single("type")?;
    let name = cx.type_name(value);
    Ok(cx.heap.string(name))
}

fn zip(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    if args.named().next().is_some() {
        fail!("zip: unexpected keyword arguments");
    }
    let mut columns = Vec::new();
    for (at, &value) in args.positional().iter().enumerate() {
        match cx.iterable(value)? {
            Some(items) => columns.push(items),
            None => fail!("zip: argument #{} is not iterable: {}", at + 1, cx.type_name(value)),
        }
    }
    let rows = columns.iter().map(Vec::len).min().unwrap_or(0);
    cx.heap.reserve(rows.saturating_mul(columns.len() * 16 + 24))?;
    let mut tuples = Vec::with_capacity(rows);
    for row in 0..rows {
        let items: Vec<Value> = columns.iter().map(|column| column[row]).collect();
        tuples.push(cx.heap.tuple(&items));
    }
    Ok(cx.heap.list(tuples))
}

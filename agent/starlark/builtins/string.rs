//! Methods of strings. Positions count bytes, as everywhere in this dialect.

use super::{Args, Cx, format, split};
use crate::error::{Result, fail};
use crate::heap::{Heap, Method, Other, Pieces};
use crate::value::{Id, Value};
use memchr::memmem;

pub(super) const METHODS: &[(&str, Method)] = &[
    ("capitalize", capitalize),
    ("codepoint_ords", |cx, receiver, args| pieces(cx, receiver, args, Pieces::CodepointOrds)),
    ("codepoints", |cx, receiver, args| pieces(cx, receiver, args, Pieces::Codepoints)),
    ("count", count),
    ("elem_ords", |cx, receiver, args| pieces(cx, receiver, args, Pieces::ElemOrds)),
    ("elems", |cx, receiver, args| pieces(cx, receiver, args, Pieces::Elems)),
    ("endswith", |cx, receiver, args| affix(cx, receiver, args, "endswith", <[u8]>::ends_with)),
    ("find", |cx, receiver, args| find(cx, receiver, args, "find", false)),
    ("format", format::format),
    ("index", |cx, receiver, args| find(cx, receiver, args, "index", false)),
    ("isalnum", |cx, receiver, args| all_chars(cx, receiver, args, "isalnum", char::is_alphanumeric)),
    ("isalpha", |cx, receiver, args| all_chars(cx, receiver, args, "isalpha", char::is_alphabetic)),
    ("isdigit", |cx, receiver, args| all_chars(cx, receiver, args, "isdigit", is_digit)),
    ("islower", |cx, receiver, args| cased(cx, receiver, args, "islower", char::is_uppercase)),
    ("isspace", |cx, receiver, args| all_chars(cx, receiver, args, "isspace", char::is_whitespace)),
    ("istitle", istitle),
    ("isupper", |cx, receiver, args| cased(cx, receiver, args, "isupper", char::is_lowercase)),
    ("join", join),
    ("lower", |cx, receiver, args| map_chars(cx, receiver, args, "lower", lower)),
    ("lstrip", |cx, receiver, args| strip(cx, receiver, args, "lstrip", true, false)),
    ("partition", |cx, receiver, args| partition(cx, receiver, args, "partition", false)),
    ("removeprefix", |cx, receiver, args| remove(cx, receiver, args, "removeprefix", true)),
    ("removesuffix", |cx, receiver, args| remove(cx, receiver, args, "removesuffix", false)),
    ("replace", replace),
    ("rfind", |cx, receiver, args| find(cx, receiver, args, "rfind", true)),
    ("rindex", |cx, receiver, args| find(cx, receiver, args, "rindex", true)),
    ("rpartition", |cx, receiver, args| partition(cx, receiver, args, "rpartition", true)),
    ("rsplit", |cx, receiver, args| split::split(cx, receiver, args, "rsplit", true)),
    ("rstrip", |cx, receiver, args| strip(cx, receiver, args, "rstrip", false, true)),
    ("split", |cx, receiver, args| split::split(cx, receiver, args, "split", false)),
    ("splitlines", split::lines),
    ("startswith", |cx, receiver, args| affix(cx, receiver, args, "startswith", <[u8]>::starts_with)),
    ("strip", |cx, receiver, args| strip(cx, receiver, args, "strip", true, true)),
    ("title", title),
    ("upper", |cx, receiver, args| map_chars(cx, receiver, args, "upper", upper)),
];

pub(super) fn receiver_id(receiver: Value) -> Result<Id> {
    match receiver {
        Value::Str(id) => Ok(id),
        _ => fail!("not a string"),
    }
}

impl Cx<'_> {
    pub(crate) fn need_str(&self, value: Option<Value>, function: &str, param: &str) -> Result<Id> {
        match value {
            Some(Value::Str(id)) => Ok(id),
            Some(other) => fail!("{function}: for parameter {param}: got {}, want string", self.type_name(other)),
            None => fail!("{function}: missing argument for {param}"),
        }
    }

    pub(crate) fn small_int(&self, value: Value, function: &str, param: &str) -> Result<i64> {
        match value {
            Value::Int(value) => Ok(value),
            other => fail!("{function}: for parameter {param}: got {}, want int", self.type_name(other)),
        }
    }

    /// The part of something of length `len` that two optional arguments bound.
    pub(crate) fn bounds(
        &self,
        from: Option<Value>,
        to: Option<Value>,
        len: usize,
        function: &str,
    ) -> Result<(usize, usize)> {
        let len = len as i64;
        let place = |value: Option<Value>, default: i64, what: &str| {
            let at = match value {
                None | Some(Value::None) => default,
                Some(Value::Int(at)) if at < 0 => at.saturating_add(len),
                Some(Value::Int(at)) => at,
                Some(other) => fail!("{function}: invalid {what} index: got {}, want int", self.type_name(other)),
            };
            Ok(at.clamp(0, len) as usize)
        };
        let (from, to) = (place(from, 0, "start")?, place(to, len, "end")?);
        Ok((from, to.max(from)))
    }
}

fn pieces(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>, kind: Pieces) -> Result<Value> {
    args.none(kind.name())?;
    Ok(cx.heap.other(Other::Pieces { of: receiver, kind }))
}

fn map_chars(
    cx: &mut Cx<'_>,
    receiver: Value,
    args: Args<'_>,
    function: &str,
    map: fn(&str) -> String,
) -> Result<Value> {
    args.none(function)?;
    let text = map(&cx.heap.text(receiver));
    cx.heap.reserve(text.len())?;
    Ok(cx.heap.string(&text))
}

/// Letter by letter, so without the special forms that some letters take in words.
fn lower(text: &str) -> String {
    text.chars().map(lower_char).collect()
}

fn upper(text: &str) -> String {
    text.chars().map(upper_char).collect()
}

fn lower_char(c: char) -> char {
    single(c, c.to_lowercase())
}

fn upper_char(c: char) -> char {
    single(c, c.to_uppercase())
}

/// Letters whose other case is several letters stay as they are.
fn single(c: char, mut mapped: impl ExactSizeIterator<Item = char>) -> char {
    if mapped.len() == 1 { mapped.next().unwrap_or(c) } else { c }
}

fn capitalize(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    map_chars(cx, receiver, args, "capitalize", |text| {
        text.chars().enumerate().map(|(at, c)| if at == 0 { upper_char(c) } else { lower_char(c) }).collect()
    })
}

fn title(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    map_chars(cx, receiver, args, "title", |text| {
        let mut inside = false;
        let change = |c: char| {
            let changed = if inside { lower_char(c) } else { upper_char(c) };
            inside = c.is_alphabetic();
            changed
        };
        text.chars().map(change).collect()
    })
}

fn all_chars(
    cx: &mut Cx<'_>,
    receiver: Value,
    args: Args<'_>,
    function: &str,
    test: fn(char) -> bool,
) -> Result<Value> {
    args.none(function)?;
    let text = cx.heap.text(receiver);
    Ok(Value::Bool(!text.is_empty() && text.chars().all(test)))
}

/// Decimal digits of any script.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
        || (!c.is_ascii()
            && c.is_numeric()
            && !c.is_alphabetic()
            && DIGIT_STARTS.iter().any(|&start| (start..start + 10).contains(&u32::from(c))))
}

/// The digit zero of the scripts of the basic plane.
const DIGIT_STARTS: &[u32] = &[
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// Whether there are letters with case, none of them `wrong`.
fn cased(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>, function: &str, wrong: fn(char) -> bool) -> Result<Value> {
    args.none(function)?;
    let text = cx.heap.text(receiver);
    let any = text.chars().any(|c| c.is_lowercase() || c.is_uppercase());
    Ok(Value::Bool(any && !text.chars().any(wrong)))
}

fn istitle(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("istitle")?;
    let text = cx.heap.text(receiver);
    let (mut inside, mut any) = (false, false);
    for c in text.chars() {
        if c.is_uppercase() && inside || c.is_lowercase() && !inside {
            return Ok(Value::Bool(false));
        }
        inside = c.is_uppercase() || c.is_lowercase();
        any |= inside;
    }
    Ok(Value::Bool(any))
}

fn count(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [part, from, to] = args.plain::<3>("count", 1)?;
    let part = cx.need_str(part, "count", "1")?;
    let text = cx.heap.bytes_of(receiver_id(receiver)?);
    let (from, to) = cx.bounds(from, to, text.len(), "count")?;
    let (text, part) = (&text[from..to], cx.heap.bytes_of(part));
    let count = if part.is_empty() {
        String::from_utf8_lossy(text).chars().count() + 1
    } else {
        memmem::find_iter(text, part).count()
    };
    Ok(Value::Int(count as i64))
}

/// `find` and `rfind` answer -1 where `index` and `rindex` fail.
fn find(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>, function: &str, last: bool) -> Result<Value> {
    let [part, from, to] = args.plain::<3>(function, 1)?;
    let part = cx.need_str(part, function, "1")?;
    let text = cx.heap.bytes_of(receiver_id(receiver)?);
    let (from, to) = cx.bounds(from, to, text.len(), function)?;
    let (text, part) = (&text[from..to], cx.heap.bytes_of(part));
    let found = if last { memmem::rfind(text, part) } else { memmem::find(text, part) };
    match found {
        Some(at) => Ok(Value::Int((from + at) as i64)),
        None if function.ends_with("find") => Ok(Value::Int(-1)),
        None => fail!("{function}: substring not found"),
    }
}

fn affix(
    cx: &mut Cx<'_>,
    receiver: Value,
    args: Args<'_>,
    function: &str,
    test: fn(&[u8], &[u8]) -> bool,
) -> Result<Value> {
    let [wanted, from, to] = args.plain::<3>(function, 1)?;
    let text = cx.heap.bytes_of(receiver_id(receiver)?);
    let (from, to) = cx.bounds(from, to, text.len(), function)?;
    let text = &text[from..to];
    match wanted {
        Some(Value::Str(id)) => Ok(Value::Bool(test(text, cx.heap.bytes_of(id)))),
        Some(tuple @ Value::Tuple(_)) => {
            for (at, &item) in cx.heap.items(tuple).unwrap_or_default().iter().enumerate() {
                let Value::Str(id) = item else {
                    fail!("{function}: want string, got {}, for element {at}", cx.type_name(item));
                };
                if test(text, cx.heap.bytes_of(id)) {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        other => {
            fail!("{function}: got {}, want string or tuple of string", cx.type_name(other.unwrap_or(Value::None)))
        }
    }
}

fn join(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let items = args.single("join")?;
    let items = cx.iterate(items, "join: for parameter 1")?;
    let separator = cx.heap.bytes_of(receiver_id(receiver)?);
    let mut out = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        let Value::Str(id) = item else {
            fail!("join: in list, want string, got {}", cx.type_name(item));
        };
        if at > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(cx.heap.bytes_of(id));
        cx.heap.reserve(out.len())?;
    }
    Ok(cx.heap.byte_string(&out))
}

fn strip(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>, function: &str, left: bool, right: bool) -> Result<Value> {
    let [chars] = args.plain::<1>(function, 0)?;
    let id = receiver_id(receiver)?;
    let bytes = cx.heap.bytes_of(id);
    let (from, to) = match chars {
        None | Some(Value::None) => trimmed(bytes, left, right, char::is_whitespace),
        chars => {
            let set = cx.heap.text(Value::Str(cx.need_str(chars, function, "1")?));
            match set.is_empty() {
                // As without an argument.
                true => trimmed(bytes, left, right, char::is_whitespace),
                false => trimmed(bytes, left, right, |c| set.contains(c)),
            }
        }
    };
    Ok(cx.heap.substring(id, from, to))
}

/// The part of a text that is left when characters at its ends go. Broken UTF-8 is never removed.
fn trimmed(bytes: &[u8], left: bool, right: bool, remove: impl Fn(char) -> bool) -> (usize, usize) {
    let (mut from, mut to) = (0, bytes.len());
    let mut chunks = bytes.utf8_chunks();
    if left && let Some(first) = chunks.next() {
        let valid = first.valid();
        from = valid.len() - valid.trim_start_matches(&remove).len();
    }
    if right
        && let Some(last) = bytes[from..].utf8_chunks().last()
        && last.invalid().is_empty()
    {
        let valid = last.valid();
        to -= valid.len() - valid.trim_end_matches(&remove).len();
    }
    (from, to)
}

fn partition(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>, function: &str, last: bool) -> Result<Value> {
    let [separator] = args.plain::<1>(function, 1)?;
    let separator_id = cx.need_str(separator, function, "1")?;
    let id = receiver_id(receiver)?;
    let (text, separator) = (cx.heap.bytes_of(id), cx.heap.bytes_of(separator_id));
    if separator.is_empty() {
        fail!("{function}: empty separator");
    }
    let (length, width) = (text.len(), separator.len());
    let found = if last { memmem::rfind(text, separator) } else { memmem::find(text, separator) };
    let parts = match found {
        Some(at) => [cx.heap.substring(id, 0, at), Value::Str(separator_id), cx.heap.substring(id, at + width, length)],
        None => {
            let empty = cx.heap.substring(id, 0, 0);
            if last { [empty, empty, receiver] } else { [receiver, empty, empty] }
        }
    };
    Ok(cx.heap.tuple(&parts))
}

fn remove(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>, function: &str, prefix: bool) -> Result<Value> {
    let [part] = args.plain::<1>(function, 1)?;
    let part = cx.need_str(part, function, "1")?;
    let id = receiver_id(receiver)?;
    let (text, part) = (cx.heap.bytes_of(id), cx.heap.bytes_of(part));
    let (length, width) = (text.len(), part.len());
    Ok(match prefix {
        true if text.starts_with(part) => cx.heap.substring(id, width, length),
        false if text.ends_with(part) => cx.heap.substring(id, 0, length - width),
        _ => receiver,
    })
}

fn replace(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [old, new, count] = args.plain::<3>("replace", 2)?;
    let (old, new) = (cx.need_str(old, "replace", "1")?, cx.need_str(new, "replace", "2")?);
    let count = count.map_or(Ok(-1), |count| cx.small_int(count, "replace", "3"))?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let text = cx.heap.bytes_of(receiver_id(receiver)?);
    let out = replaced(cx.heap, text, cx.heap.bytes_of(old), cx.heap.bytes_of(new), count)?;
    Ok(cx.heap.byte_string(&out))
}

fn replaced(heap: &Heap, text: &[u8], old: &[u8], new: &[u8], count: usize) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    // Between any two letters there is an empty text.
    let places: Box<dyn Iterator<Item = usize>> = if old.is_empty() {
        let mut places = vec![0];
        for chunk in text.utf8_chunks() {
            let start = places.last().copied().unwrap_or(0);
            places.extend(chunk.valid().char_indices().map(|(at, c)| start + at + c.len_utf8()));
            let start = places.last().copied().unwrap_or(0);
            places.extend((1..=chunk.invalid().len()).map(|at| start + at));
        }
        Box::new(places.into_iter())
    } else {
        Box::new(memmem::find_iter(text, old))
    };
    for at in places.take(count) {
        out.extend_from_slice(&text[done..at]);
        out.extend_from_slice(new);
        heap.reserve(out.len())?;
        done = at + old.len();
    }
    out.extend_from_slice(&text[done..]);
    heap.reserve(out.len())?;
    Ok(out)
}

//! `split`, `rsplit` and `splitlines` of strings; the parts share the text of the whole.

use super::string::receiver_id;
use super::{Args, Cx};
use crate::error::{Result, fail};
use crate::value::Value;
use memchr::memmem;

pub(super) fn split(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>, function: &str, last: bool) -> Result<Value> {
    let [separator, most] = args.plain::<2>(function, 0)?;
    let most = match most {
        None | Some(Value::None) => usize::MAX,
        Some(most) => usize::try_from(cx.small_int(most, function, "2")?).unwrap_or(usize::MAX),
    };
    let id = receiver_id(receiver)?;
    let text = cx.heap.bytes_of(id);
    let mut parts = match separator {
        None | Some(Value::None) => words(text, most, last),
        separator => {
            let Some(Value::Str(separator)) = separator else {
                let found = cx.type_name(separator.unwrap_or(Value::None));
                fail!("{function}: got {found} for separator, want string");
            };
            let separator = cx.heap.bytes_of(separator);
            if separator.is_empty() {
                fail!("split: empty separator");
            }
            fields(text, separator, most, last)
        }
    };
    cx.heap.reserve(parts.len() * 40)?;
    if last {
        parts.reverse();
    }
    let parts = parts.into_iter().map(|(from, to)| cx.heap.substring(id, from, to)).collect();
    Ok(cx.heap.list(parts))
}

/// Places of the parts between separators; from the end backwards if `last`.
fn fields(text: &[u8], separator: &[u8], most: usize, last: bool) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    if last {
        let mut end = text.len();
        for at in memmem::rfind_iter(text, separator).take(most) {
            parts.push((at + separator.len(), end));
            end = at;
        }
        parts.push((0, end));
    } else {
        let mut start = 0;
        for at in memmem::find_iter(text, separator).take(most) {
            parts.push((start, at));
            start = at + separator.len();
        }
        parts.push((start, text.len()));
    }
    parts
}

/// Places of the words between blanks; from the end backwards if `last`. The rest after `most` splits keeps the
/// blanks inside of it and at its far end, as Go's implementation does.
fn words(text: &[u8], most: usize, last: bool) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    let (mut start, mut at) = (None, 0);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_whitespace() {
                all.extend(start.take().map(|start| (start, at)));
            } else {
                start.get_or_insert(at);
            }
            at += c.len_utf8();
        }
        if !chunk.invalid().is_empty() {
            start.get_or_insert(at);
            at += chunk.invalid().len();
        }
    }
    all.extend(start.map(|start| (start, text.len())));
    if all.len() > most {
        if last {
            let rest = all.len() - most;
            let end = all[rest - 1].1;
            all.drain(..rest);
            all.insert(0, (0, end));
        } else {
            let from = all[most].0;
            all.truncate(most);
            all.push((from, text.len()));
        }
    }
    if last {
        all.reverse();
    }
    all
}

pub(super) fn lines(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [keep] = args.plain::<1>("splitlines", 0)?;
    let keep = keep.is_some_and(|keep| cx.truth(keep));
    let id = receiver_id(receiver)?;
    let text = cx.heap.bytes_of(id);
    let mut parts = Vec::new();
    let mut start = 0;
    for at in memchr::memchr_iter(b'\n', text) {
        parts.push((start, if keep { at + 1 } else { at }));
        start = at + 1;
    }
    if start < text.len() {
        parts.push((start, text.len()));
    }
    cx.heap.reserve(parts.len() * 40)?;
    let parts = parts.into_iter().map(|(from, to)| cx.heap.substring(id, from, to)).collect();
    Ok(cx.heap.list(parts))
}

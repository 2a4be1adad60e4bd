//! `"{} and {name}".format(a, name=b)`.

use super::{Args, Cx};
use crate::error::{Result, fail};
use crate::value::Value;

pub(super) fn format(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let pattern = cx.heap.text(receiver).into_owned();
    let mut out = Vec::with_capacity(pattern.len() + 16);
    let mut rest = pattern.as_str();
    let mut numbering = Numbering { next: 0, automatic: false, manual: false };
    while let Some(at) = rest.find(['{', '}']) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let doubled = rest[at + 1..].starts_with(&rest[at..at + 1]);
        if doubled {
            out.push(rest.as_bytes()[at]);
            rest = &rest[at + 2..];
            continue;
        }
        if rest[at..].starts_with('}') {
            fail!("format: single '}}' in format");
        }
        rest = &rest[at + 1..];
        let Some(end) = rest.find('}') else { fail!("format: unmatched '{{' in format") };
        field(cx, &mut out, &rest[..end], args, &mut numbering)?;
        cx.heap.reserve(out.len())?;
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(cx.heap.byte_string(&out))
}

/// Fields count on by themselves or are numbered, not both.
struct Numbering {
    next: usize,
    automatic: bool,
    manual: bool,
}

fn field(cx: &mut Cx<'_>, out: &mut Vec<u8>, field: &str, args: Args<'_>, numbering: &mut Numbering) -> Result<()> {
    let (field, spec) = field.split_once(':').unwrap_or((field, ""));
    let (name, conversion) = field.split_once('!').unwrap_or((field, "s"));
    let index = if name.is_empty() {
        if numbering.manual {
            fail!("format: cannot switch from manual field specification to automatic field numbering");
        }
        numbering.automatic = true;
        numbering.next += 1;
        Some(numbering.next - 1)
    } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
        if numbering.automatic {
            fail!("format: cannot switch from automatic field numbering to manual field specification");
        }
        numbering.manual = true;
        Some(name.parse().unwrap_or(usize::MAX))
    } else {
        None
    };
    let value = match index {
        Some(index) => match args.positional().get(index) {
            Some(&value) => value,
            None => fail!("format: tuple index out of range"),
        },
        None => {
            for (sign, what) in [('[', "element syntax a[i]"), ('.', "attribute syntax x.y")] {
                if name.contains(sign) {
                    fail!("format: {what} is not supported in replacement fields: {name}");
                }
            }
            match args.named().find(|&(key, _)| cx.heap.text(key) == name) {
                Some((_, value)) => value,
                None => fail!("format: keyword {name} not found"),
            }
        }
    };
    if !spec.is_empty() {
        fail!("format: format spec features not supported in replacement fields: {spec}");
    }
    match conversion {
        "s" => cx.write_str(out, value),
        "r" => {
            out.extend_from_slice(cx.repr(value)?.as_bytes());
            Ok(())
        }
        other => fail!("format: unknown conversion \"{other}\""),
    }
}

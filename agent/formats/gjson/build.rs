//! Puts results together to JSON text.

use super::value::Found;

/// What paths build out of a document may be so large, as multipaths repeat what they find.
pub(super) const LARGEST: usize = 256 << 20;

/// An array of what was found.
pub(super) fn list<'a>(items: impl Iterator<Item = Found<'a>>) -> Found<'static> {
    let (mut out, mut parts) = (String::from("["), Vec::new());
    for item in items {
        if out.len() + item.raw().len() > LARGEST {
            break;
        }
        push(&mut out, item.raw());
        parts.extend(item.addresses());
    }
    out.push(']');
    Found::of_parts(out, parts)
}

/// Appends an element or member, with a comma before all but the first.
pub(super) fn push(out: &mut String, item: &str) {
    if !out.ends_with(['[', '{']) || out.len() > 1 {
        out.push(',');
    }
    out.push_str(item);
}

/// Appends a text in quotes.
pub(super) fn quote(text: &str, out: &mut String) {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    crate::jsontext::escape(text, &mut bytes);
    out.push_str(&String::from_utf8_lossy(&bytes));
}

//! String functions: those of the standard library and of the `strings` extension.
//!
//! Positions count characters. Whatever makes a string pays for its length, as `replace` may multiply it.

use agent_golang::regexp::Regexp;

use super::{Function, integer, no_overload, text};
use crate::error::{Fault, Outcome};
use crate::eval::Context;
use crate::value::Value;

const TEST: &[&str] = &["string.(string) -> bool"];
const MAP: &[&str] = &["string.() -> string"];
const FIND: &[&str] = &["string.(string) -> int", "string.(string, int) -> int"];

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "contains",
        signatures: TEST,
        run: |context, args| test(context, args, "contains", |a, b| a.contains(b)),
    },
    Function {
        name: "startsWith",
        signatures: TEST,
        run: |context, args| test(context, args, "startsWith", |a, b| a.starts_with(b)),
    },
    Function {
        name: "endsWith",
        signatures: TEST,
        run: |context, args| test(context, args, "endsWith", |a, b| a.ends_with(b)),
    },
    Function { name: "matches", signatures: &["(string, string) -> bool", "string.(string) -> bool"], run: matches },
    Function { name: "charAt", signatures: &["string.(int) -> string"], run: char_at },
    Function { name: "indexOf", signatures: FIND, run: index_of },
    Function { name: "lastIndexOf", signatures: FIND, run: last_index_of },
    Function { name: "join", signatures: &["list(string).() -> string", "list(string).(string) -> string"], run: join },
    Function {
        name: "lowerAscii",
        signatures: MAP,
        run: |context, args| map(context, args, "lowerAscii", str::to_ascii_lowercase),
    },
    Function {
        name: "upperAscii",
        signatures: MAP,
        run: |context, args| map(context, args, "upperAscii", str::to_ascii_uppercase),
    },
    Function {
        name: "reverse",
        signatures: MAP,
        run: |context, args| map(context, args, "reverse", |text| text.chars().rev().collect()),
    },
    Function {
        name: "trim",
        signatures: MAP,
        run: |context, args| map(context, args, "trim", |text| text.trim().to_owned()),
    },
    Function {
        name: "replace",
        signatures: &["string.(string, string) -> string", "string.(string, string, int) -> string"],
        run: replace,
    },
    Function {
        name: "split",
        signatures: &["string.(string) -> list(string)", "string.(string, int) -> list(string)"],
        run: split,
    },
    Function {
        name: "substring",
        signatures: &["string.(int) -> string", "string.(int, int) -> string"],
        run: substring,
    },
    Function { name: "strings.quote", signatures: &["(string) -> string"], run: quote },
    Function { name: "format", signatures: &["string.(list(dyn)) -> string"], run: super::format::format },
];

fn test<'a>(
    context: &mut Context<'a>,
    args: &[Value<'a>],
    name: &'static str,
    holds: fn(&str, &str) -> bool,
) -> Outcome<'a> {
    let (of, other) = (text(args, 0, name)?, text(args, 1, name)?);
    context.spend_bytes(of.len())?;
    Ok(Value::Bool(holds(of, other)))
}

fn map<'a>(context: &mut Context<'a>, args: &[Value<'a>], name: &'static str, make: fn(&str) -> String) -> Outcome<'a> {
    let made = make(text(args, 0, name)?);
    context.string(&made)
}

/// What compiling a pattern costs: a small one from a field may take long.
const PATTERN_STEPS: usize = 200_000;

/// A pattern that is not constant is compiled anew for each call.
fn matches<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let (of, source) = (text(args, 0, "matches")?, text(args, 1, "matches")?);
    context.spend(PATTERN_STEPS + of.len() / 4)?;
    let pattern = Regexp::compile(source).map_err(|error| Fault::from(error.to_string()))?;
    Ok(Value::Bool(pattern.is_match(of)))
}

fn out_of_range<'a>(index: i64) -> Fault<'a> {
    Fault::from(format!("index out of range: {index}"))
}

/// The byte offset of the character at `index`, the end included.
fn offset<'a>(text: &str, index: i64) -> Result<usize, Fault<'a>> {
    let wanted = usize::try_from(index).map_err(|_| out_of_range(index))?;
    let mut offsets = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    offsets.nth(wanted).ok_or_else(|| out_of_range(index))
}

fn characters<'a>(before: &str) -> Value<'a> {
    Value::Int(i64::try_from(before.chars().count()).unwrap_or(i64::MAX))
}

fn char_at<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let of = text(args, 0, "charAt")?;
    context.spend_bytes(of.len())?;
    let at = offset(of, integer(args, 1, "charAt")?.unwrap_or(0))?;
    let character = of[at..].chars().next();
    context.string(character.map_or("", |character| &of[at..at + character.len_utf8()]))
}

fn index_of<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let (of, wanted) = (text(args, 0, "indexOf")?, text(args, 1, "indexOf")?);
    context.spend_bytes(of.len())?;
    let from = integer(args, 2, "indexOf")?.unwrap_or(0);
    if from < 0 {
        return Err(out_of_range(from));
    }
    // Nothing is found behind the end, but for an empty string, which is found at it.
    let start = offset(of, from).unwrap_or(of.len());
    let found = of[start..].find(wanted).map(|at| start + at);
    Ok(found.map_or(Value::Int(-1), |at| characters(&of[..at])))
}

fn last_index_of<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let (of, wanted) = (text(args, 0, "lastIndexOf")?, text(args, 1, "lastIndexOf")?);
    context.spend_bytes(of.len())?;
    let found = match integer(args, 2, "lastIndexOf")? {
        Some(last) if last < 0 => return Err(out_of_range(last)),
        Some(last) => match offset(of, last).ok().filter(|start| *start < of.len()) {
            // What starts there may end behind it.
            Some(start) => of[..of.floor_char_boundary(start + wanted.len())].rfind(wanted),
            None => wanted.is_empty().then_some(of.len()),
        },
        None => of.rfind(wanted),
    };
    Ok(found.map_or(Value::Int(-1), |at| characters(&of[..at])))
}

fn join<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let Value::List(items) = &args[0] else {
        return no_overload("join");
    };
    let separator = if args.len() > 1 { text(args, 1, "join")? } else { "" };
    let mut joined = String::new();
    for (at, item) in items.iter().enumerate() {
        let Some(part) = item.text() else {
            return Err(format!("join: {} is no string", item.kind().name()).into());
        };
        context.spend(1 + (part.len() + separator.len()) / 16)?;
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(part);
    }
    Ok(Value::Text(joined.into()))
}

/// A count as an argument: all, if there is none or it is negative.
fn limit(args: &[Value<'_>], at: usize, name: &'static str) -> Result<usize, Fault<'static>> {
    let count = integer(args, at, name)?.unwrap_or(-1);
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn replace<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let (of, old, new) = (text(args, 0, "replace")?, text(args, 1, "replace")?, text(args, 2, "replace")?);
    let count = limit(args, 3, "replace")?;
    context.spend_bytes(of.len())?;
    // Before anything is made, since many short finds may make much text.
    let finds = of.matches(old).take(count).count();
    context.spend_bytes(of.len().saturating_add(finds.saturating_mul(new.len())))?;
    Ok(Value::Text(of.replacen(old, new, count).into()))
}

fn split<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let (of, separator) = (text(args, 0, "split")?, text(args, 1, "split")?);
    let count = limit(args, 2, "split")?;
    context.spend_bytes(of.len())?;
    let mut parts = Vec::new();
    let mut rest = Some(of);
    while let Some(text) = rest {
        // Without a separator, each character is a part, and nothing has none.
        if parts.len() == count || (separator.is_empty() && text.is_empty()) {
            break;
        }
        let cut = match text.chars().next() {
            Some(first) if separator.is_empty() => Some(text.split_at(first.len_utf8())),
            _ => text.split_once(separator),
        };
        let (part, behind) = match cut {
            Some((part, behind)) if parts.len() + 1 < count => (part, Some(behind)),
            _ => (text, None),
        };
        context.spend(1)?;
        parts.push(context.string(part)?);
        rest = behind;
    }
    Ok(Value::List(parts.into()))
}

fn substring<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let of = text(args, 0, "substring")?;
    context.spend_bytes(of.len())?;
    let start = integer(args, 1, "substring")?.unwrap_or(0);
    let end = integer(args, 2, "substring")?;
    if let Some(end) = end.filter(|end| start > *end) {
        return Err(format!("invalid substring range: start {start}, end {end}").into());
    }
    let from = offset(of, start)?;
    let to = end.map_or(Ok(of.len()), |end| offset(of, end))?;
    context.string(&of[from..to])
}

fn quote<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let mut quoted = String::from("\"");
    for character in text(args, 0, "strings.quote")?.chars() {
        match character {
            '\u{07}' => quoted.push_str("\\a"),
            '\u{08}' => quoted.push_str("\\b"),
            '\u{0c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{0b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    context.string(&quoted)
}

//! Functions on texts. Lengths and places are in characters.

use super::evaluate::Machine;
use super::functions::{Builtin, on_context, plain, some};
use super::higher::call_with;
use super::value::{Function, Map, Value};
use agent_api::{Result, bail, ensure};
use agent_golang::regexp::Regexp;
use std::rc::Rc;

pub(super) const BUILTINS: &[Builtin] = &[
    on_context("string", 1, 1, |_, a| Ok(some(a, |v| Value::Text(v.to_text().into())))),
    on_context("length", 1, 1, |_, a| texts(a, |t| Ok(Value::Number(t.chars().count() as f64)))),
    on_context("uppercase", 1, 1, |_, a| {
        texts(a, |t| Ok(Value::Text(t.chars().map(upper).collect::<String>().into())))
    }),
    on_context("lowercase", 1, 1, |_, a| {
        texts(a, |t| Ok(Value::Text(t.chars().map(lower).collect::<String>().into())))
    }),
    on_context("trim", 1, 1, |_, a| {
        texts(a, |t| Ok(Value::Text(t.split_whitespace().collect::<Vec<_>>().join(" ").into())))
    }),
    on_context("substring", 2, 3, substring),
    on_context("substringBefore", 2, 2, |_, a| {
        texts(a, |t| Ok(Value::text(t.split_once(text(&a[1])?).map_or(t, |(before, _)| before))))
    }),
    on_context("substringAfter", 2, 2, |_, a| {
        texts(a, |t| Ok(Value::text(t.split_once(text(&a[1])?).map_or(t, |(_, after)| after))))
    }),
    on_context("pad", 2, 3, pad),
    on_context("contains", 2, 2, |m, a| texts(a, |t| Ok(Value::Bool(!places(m, &a[1], t, 1)?.is_empty())))),
    on_context("split", 2, 3, split),
    plain("join", 1, 2, join),
    on_context("match", 2, 3, |m, a| {
        texts(a, |t| match &a[1] {
            Value::Function(f) => match &**f {
                Function::Regex(regex) => Ok(Value::list(m.matches(regex, t, limit(a.get(2))?)?)),
                _ => bail!("the pattern must be a regular expression"),
            },
            _ => bail!("the pattern must be a regular expression"),
        })
    }),
    on_context("replace", 3, 4, replace),
    on_context("base64encode", 1, 1, |_, a| texts(a, |t| Ok(Value::Text(base64(t.as_bytes()).into())))),
    on_context("base64decode", 1, 1, |_, a| texts(a, unbase64)),
    on_context("encodeUrlComponent", 1, 1, |_, a| texts(a, |t| Ok(Value::Text(percent(t, "-_.~", "+").into())))),
    on_context("encodeUrl", 1, 1, |_, a| {
        texts(a, |t| Ok(Value::Text(percent(t, "-_.!~*'();/?:@&=+$,#", "%20").into())))
    }),
    on_context("decodeUrlComponent", 1, 1, |_, a| texts(a, unpercent)),
    on_context("decodeUrl", 1, 1, |_, a| texts(a, unpercent)),
];

/// Letter by letter, as Go does it: what has no single upper case letter stays.
fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// The text of an argument.
fn text<'v>(value: &'v Value<'_>) -> Result<&'v str> {
    match value {
        Value::Text(text) => Ok(text),
        other => bail!("expected a string, found a {}", other.kind()),
    }
}

/// Applies a function to the text of the first argument, unless it is nothing.
fn texts<'e>(a: &[Value<'e>], with: impl FnOnce(&str) -> Result<Value<'e>>) -> Result<Value<'e>> {
    if a[0].is_undefined() { Ok(Value::Undefined) } else { with(text(&a[0])?) }
}

fn limit(value: Option<&Value<'_>>) -> Result<usize> {
    match value.and_then(Value::number) {
        None => Ok(usize::MAX),
        Some(number) if number >= 0.0 => Ok(number as usize),
        Some(_) => bail!("the limit must not be negative"),
    }
}

fn substring<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    texts(a, |t| {
        let Some(start) = a[1].number() else { bail!("the start must be a number") };
        let length = t.chars().count() as f64;
        let start = if start < 0.0 { (length + start.trunc()).max(0.0) } else { start.trunc() };
        let take = match a.get(2).and_then(Value::number) {
            Some(take) => take.max(0.0),
            None => length,
        };
        Ok(Value::Text(t.chars().skip(start as usize).take(take as usize).collect::<String>().into()))
    })
}

fn pad<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    texts(a, |t| {
        let Some(width) = a[1].number() else { bail!("the width must be a number") };
        let with = match a.get(2) {
            Some(with) => text(with)?,
            None => " ",
        };
        let with = if with.is_empty() { " " } else { with };
        let missing = (width.abs() as usize).saturating_sub(t.chars().count());
        m.charge(missing)?;
        let padding: String = with.chars().cycle().take(missing).collect();
        Ok(Value::Text(if width < 0.0 { padding + t } else { t.to_owned() + &padding }.into()))
    })
}

/// Where a string or a regular expression is in a text, in bytes.
fn places<'e>(m: &Machine<'e>, pattern: &Value<'e>, within: &str, most: usize) -> Result<Vec<(usize, usize)>> {
    m.step()?;
    if let Value::Function(f) = pattern
        && let Function::Regex(regex) = &**f
    {
        return Ok(regex.as_regex().find_iter(within).take(most).map(|found| (found.start(), found.end())).collect());
    }
    let pattern = text(pattern)?;
    Ok(within.match_indices(pattern).take(most).map(|(at, found)| (at, at + found.len())).collect())
}

fn split<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    texts(a, |t| {
        let most = limit(a.get(2))?;
        let mut parts = Vec::new();
        if matches!(&a[1], Value::Text(by) if by.is_empty()) {
            parts.extend(t.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]))));
        } else {
            let mut done = 0;
            for (from, to) in places(m, &a[1], t, usize::MAX)? {
                parts.push(Value::text(&t[done..from]));
                done = to;
            }
            parts.push(Value::text(&t[done..]));
        }
        parts.truncate(most);
        m.charge(parts.len() * size_of::<Value<'e>>() + t.len())?;
        Ok(Value::list(parts))
    })
}

fn join<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    if a[0].is_undefined() {
        return Ok(Value::Undefined);
    }
    let by = match a.get(1) {
        Some(by) if !by.is_undefined() => text(by)?,
        _ => "",
    };
    let mut out = String::new();
    for (i, item) in a[0].items().iter().enumerate() {
        let item = text(item)?;
        m.charge(by.len() + item.len())?;
        if i > 0 {
            out.push_str(by);
        }
        out.push_str(item);
    }
    Ok(Value::Text(out.into()))
}

impl<'e> Machine<'e> {
    /// What a regular expression matches, as objects of `match`, `index` and `groups`.
    pub(super) fn matches(&self, regex: &Regexp, text: &str, most: usize) -> Result<Vec<Value<'e>>> {
        let mut found = Vec::new();
        for captures in regex.as_regex().captures_iter(text).take(most) {
            self.step()?;
            let whole = captures.get_match();
            let groups = (1..captures.len()).map(|i| Value::text(captures.get(i).map_or("", |g| g.as_str()))).collect();
            self.charge(whole.as_str().len() * captures.len() + 64)?;
            found.push(Value::map(Map::from([
                (Rc::from("match"), Value::text(whole.as_str())),
                (Rc::from("index"), Value::Number(text[..whole.start()].chars().count() as f64)),
                (Rc::from("groups"), Value::list(groups)),
            ])));
        }
        Ok(found)
    }
}

fn replace<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    texts(a, |t| {
        let most = limit(a.get(3))?;
        ensure!(!matches!(&a[1], Value::Text(p) if p.is_empty()), "the pattern must not be empty");
        let regex = match &a[1] {
            Value::Function(f) => match &**f {
                Function::Regex(regex) => Some(*regex),
                _ => bail!("the pattern must be a string or a regular expression"),
            },
            _ => None,
        };
        let (mut out, mut done) = (String::new(), 0);
        let found = match regex {
            Some(regex) => m.matches(regex, t, most)?,
            None => Vec::new(),
        };
        for (i, (from, to)) in places(m, &a[1], t, most)?.into_iter().enumerate() {
            out.push_str(&t[done..from]);
            match (&a[2], found.get(i)) {
                (function @ Value::Function(_), matched) => {
                    let argument = matched.cloned().unwrap_or_else(|| Value::text(&t[from..to]));
                    out.push_str(text(&call_with(m, function, vec![argument])?)?);
                }
                (by, Some(matched)) => expand(text(by)?, &t[from..to], &m.look_up(matched, "groups"), &mut out),
                (by, None) => out.push_str(text(by)?),
            }
            done = to;
            m.charge(out.len().saturating_sub(done))?;
        }
        out.push_str(&t[done..]);
        Ok(Value::Text(out.into()))
    })
}

/// Appends a replacement: `$0` is the match, `$1` a group, `$$` a dollar sign. Of `$12` only as many digits count as there are groups.
fn expand(by: &str, whole: &str, groups: &Value<'_>, out: &mut String) {
    let groups = groups.items();
    let mut rest = by;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count().min(2);
        let number = |n: usize| rest[..n].parse::<usize>().ok().filter(|i| n == 1 || *i <= groups.len());
        match (1..=digits).rev().find_map(|n| Some((n, number(n)?))) {
            None => out.push('$'),
            Some((n, 0)) => {
                out.push_str(whole);
                rest = &rest[n..];
            }
            Some((n, group)) => {
                if let Some(Value::Text(text)) = groups.get(group - 1) {
                    out.push_str(text);
                }
                rest = &rest[n..];
            }
        }
    }
    out.push_str(rest);
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn unbase64<'e>(text: &str) -> Result<Value<'e>> {
    let (mut out, mut bits, mut have) = (Vec::new(), 0u32, 0);
    for b in text.trim_end_matches('=').bytes() {
        let Some(digit) = BASE64.iter().position(|d| *d == b) else { bail!("invalid base64") };
        bits = bits << 6 | digit as u32;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    Ok(Value::Text(String::from_utf8_lossy(&out).into()))
}

/// Writes bytes as percent codes, but for letters, digits, those of `plain`, and blanks.
fn percent(text: &str, plain: &str, blank: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || plain.as_bytes().contains(&b) {
            out.push(char::from(b));
        } else if b == b' ' {
            out.push_str(blank);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

fn unpercent<'e>(text: &str) -> Result<Value<'e>> {
    let (mut out, bytes, mut at) = (Vec::new(), text.as_bytes(), 0);
    while at < bytes.len() {
        if bytes[at] != b'%' {
            out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
            at += 1;
            continue;
        }
        let code = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(code) = code else { bail!("invalid percent code") };
        out.push(code);
        at += 3;
    }
    match String::from_utf8(out) {
        Ok(text) => Ok(Value::Text(text.into())),
        Err(_) => bail!("percent codes that are no UTF-8"),
    }
}

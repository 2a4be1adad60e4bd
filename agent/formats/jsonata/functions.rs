//! The functions that every expression knows: numbers, arrays, objects, times. Those on texts and those that call others are in their own
//! files.

use super::evaluate::Machine;
use super::path::compare;
use super::value::{List, Map, Value};
use super::{decimal_picture, higher, picture, texts};
use agent_api::{Result, bail, ensure};
use agent_golang::time::Zone;
use std::rc::Rc;

/// A function by its name.
pub(super) struct Builtin {
    pub(super) name: &'static str,
    pub(super) least: usize,
    pub(super) most: usize,
    /// Whether it works on the value at hand where its first argument is missing.
    pub(super) context: bool,
    pub(super) run: for<'m, 'e> fn(&'m Machine<'e>, &[Value<'e>]) -> Result<Value<'e>>,
}

type Run = for<'m, 'e> fn(&'m Machine<'e>, &[Value<'e>]) -> Result<Value<'e>>;

pub(super) const fn on_context(name: &'static str, least: usize, most: usize, run: Run) -> Builtin {
    Builtin { name, least, most, context: true, run }
}

pub(super) const fn plain(name: &'static str, least: usize, most: usize, run: Run) -> Builtin {
    Builtin { name, least, most, context: false, run }
}

/// All functions of that name.
pub(super) fn find(name: &str) -> Option<&'static Builtin> {
    [BUILTINS, texts::BUILTINS, higher::BUILTINS].into_iter().flatten().find(|builtin| builtin.name == name)
}

const BUILTINS: &[Builtin] = &[
    on_context("number", 1, 1, number),
    on_context("abs", 1, 1, |_, a| float(a, f64::abs)),
    on_context("floor", 1, 1, |_, a| float(a, f64::floor)),
    on_context("ceil", 1, 1, |_, a| float(a, f64::ceil)),
    on_context("sqrt", 1, 1, |_, a| float(a, f64::sqrt)),
    on_context("round", 1, 2, round),
    on_context("power", 2, 2, power),
    on_context("formatBase", 1, 2, format_base),
    on_context("formatNumber", 2, 3, format_number),
    plain("random", 0, 0, |_, _| Ok(Value::Number(random(u64::MAX) as f64 / 2f64.powi(64)))),
    // Not `sum`, which gives -0 for no numbers.
    plain("sum", 1, 1, |_, a| aggregate(a, |n| n.iter().fold(0.0, |sum, n| sum + n))),
    plain("max", 1, 1, |_, a| aggregate(a, |n| n.iter().copied().fold(f64::NEG_INFINITY, f64::max))),
    plain("min", 1, 1, |_, a| aggregate(a, |n| n.iter().copied().fold(f64::INFINITY, f64::min))),
    plain("average", 1, 1, |_, a| aggregate(a, |n| n.iter().sum::<f64>() / n.len() as f64)),
    on_context("boolean", 1, 1, |_, a| Ok(some(a, |v| Value::Bool(v.truth())))),
    // The library knows what is not nothing, other than the language.
    on_context("not", 1, 1, |_, a| Ok(Value::Bool(!a[0].truth()))),
    plain("exists", 1, 1, |_, a| Ok(Value::Bool(!a[0].is_undefined()))),
    on_context("type", 1, 1, |_, a| Ok(some(a, |v| Value::text(v.kind())))),
    plain("count", 1, 1, |_, a| Ok(Value::Number(a[0].items().len() as f64))),
    plain("append", 2, 2, append),
    plain("reverse", 1, 1, |_, a| Ok(some(a, |v| Value::list(v.items().iter().rev().cloned().collect())))),
    plain("shuffle", 1, 1, shuffle),
    plain("distinct", 1, 1, distinct),
    plain("zip", 1, usize::MAX, zip),
    on_context("keys", 1, 1, keys),
    on_context("lookup", 2, 2, |m, a| match &a[1] {
        // A key that is missing is null here, unlike in a path.
        Value::Text(key) => Ok(match m.look_up(&a[0], key) {
            Value::Undefined if !a[0].is_undefined() => Value::Null,
            found => found,
        }),
        other => bail!("a key must be a string, not a {}", other.kind()),
    }),
    on_context("spread", 1, 1, spread),
    plain("merge", 1, 1, merge),
    plain("error", 0, 1, |_, a| bail!("{}", a.first().map_or("error".to_owned(), Value::to_text))),
    plain("millis", 0, 0, |m, _| Ok(Value::Number((m.now / 1_000_000) as f64))),
    plain("now", 0, 0, |m, _| Ok(iso(m.now / 1_000_000))),
    on_context("fromMillis", 1, 3, from_millis),
    on_context("toMillis", 1, 3, to_millis),
];

/// Applies a function unless there is nothing to apply it to.
pub(super) fn some<'e>(arguments: &[Value<'e>], with: impl FnOnce(&Value<'e>) -> Value<'e>) -> Value<'e> {
    if arguments[0].is_undefined() { Value::Undefined } else { with(&arguments[0]) }
}

fn float<'e>(arguments: &[Value<'e>], with: impl Fn(f64) -> f64) -> Result<Value<'e>> {
    if arguments[0].is_undefined() {
        return Ok(Value::Undefined);
    }
    let Some(number) = arguments[0].number() else { bail!("expected a number, found a {}", arguments[0].kind()) };
    let result = with(number);
    ensure!(result.is_finite(), "there is no such number");
    Ok(Value::Number(result))
}

fn number<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    Ok(match &a[0] {
        Value::Undefined => Value::Undefined,
        Value::Bool(v) => Value::Number(f64::from(u8::from(*v))),
        Value::Text(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() && !text.starts_with('+') => Value::Number(number),
            _ => bail!("cannot make a number of {text:?}"),
        },
        value if value.number().is_some() => value.clone(),
        value => bail!("cannot make a number of a {}", value.kind()),
    })
}

fn round<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let places = a.get(1).and_then(Value::number).unwrap_or(0.0).clamp(-300.0, 300.0) as i32;
    float(a, |number| {
        let factor = 10f64.powi(places.abs());
        let scaled = if places < 0 { number / factor } else { number * factor };
        if !scaled.is_finite() {
            return number;
        }
        // Halves go to the even neighbour.
        let rounded = scaled.round_ties_even();
        if places < 0 { rounded * factor } else { rounded / factor }
    })
}

fn power<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let Some(exponent) = a[1].number() else { bail!("the exponent must be a number") };
    float(a, |number| agent_golang::math::pow(number, exponent))
}

fn format_base<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    if a[0].is_undefined() {
        return Ok(Value::Undefined);
    }
    let base = a.get(1).and_then(Value::number).unwrap_or(10.0);
    ensure!((2.0..=36.0).contains(&base), "the base must be from 2 to 36");
    let Some(number) = a[0].number() else { bail!("expected a number, found a {}", a[0].kind()) };
    let mut rest = number.round_ties_even().abs().min(9e18) as u64;
    let mut digits = Vec::new();
    while rest > 0 || digits.is_empty() {
        digits.push(char::from_digit((rest % base as u64) as u32, base as u32).unwrap_or('0'));
        rest /= base as u64;
    }
    let sign = if number < 0.0 { "-" } else { "" };
    Ok(Value::Text(format!("{sign}{}", digits.iter().rev().collect::<String>()).into()))
}

/// A number below `limit` that no secret depends on.
fn random(limit: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(agent_api::plugin::now()) % limit
}

fn aggregate<'e>(a: &[Value<'e>], with: impl FnOnce(&[f64]) -> f64) -> Result<Value<'e>> {
    if a[0].is_undefined() {
        return Ok(Value::Undefined);
    }
    let numbers: Option<Vec<f64>> = a[0].items().iter().map(Value::number).collect();
    let Some(numbers) = numbers else { bail!("expected numbers") };
    let result = with(&numbers);
    // Nothing is the extreme or the average of no numbers.
    Ok(if result.is_finite() { Value::Number(result) } else { Value::Undefined })
}

fn append<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    Ok(match (&a[0], &a[1]) {
        (value, Value::Undefined) | (Value::Undefined, value) => value.clone(),
        (left, right) => {
            m.charge((left.items().len() + right.items().len()) * size_of::<Value<'e>>())?;
            Value::list(left.items().iter().chain(right.items()).cloned().collect())
        }
    })
}

fn shuffle<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    Ok(some(a, |value| {
        let mut items = value.items().to_vec();
        for i in (1..items.len()).rev() {
            items.swap(i, random(i as u64 + 1) as usize);
        }
        Value::list(items)
    }))
}

fn distinct<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let Value::List(list) = &a[0] else { return Ok(a[0].clone()) };
    let mut kept: Vec<Value<'e>> = Vec::new();
    for item in &list.items {
        let mut new = true;
        for other in &kept {
            m.step()?;
            new &= !item.equals(other);
        }
        if new {
            kept.push(item.clone());
        }
    }
    Ok(Value::List(Rc::new(List { items: kept, ..**list })))
}

fn zip<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let rows = a.iter().map(|list| list.items().len()).min().unwrap_or(0);
    m.charge(rows * a.len() * size_of::<Value<'e>>())?;
    Ok(Value::list((0..rows).map(|i| Value::list(a.iter().map(|list| list.items()[i].clone()).collect())).collect()))
}

fn format_number<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    if a[0].is_undefined() {
        return Ok(Value::Undefined);
    }
    let (Some(number), Value::Text(shape)) = (a[0].number(), &a[1]) else {
        bail!("expected a number and a picture, found a {} and a {}", a[0].kind(), a[1].kind())
    };
    let mut signs = decimal_picture::Signs::default();
    match a.get(2) {
        None | Some(Value::Undefined) => {}
        Some(Value::Map(options)) => {
            for (name, value) in options.iter() {
                let Value::Text(value) = value else { bail!("the option {name:?} must be a string") };
                signs.set(name, value)?;
            }
        }
        Some(other) => bail!("options must be an object, not a {}", other.kind()),
    }
    Ok(Value::Text(decimal_picture::format(number, shape, &signs)?.into()))
}

fn keys<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let mut all = std::collections::BTreeSet::new();
    for item in a[0].items() {
        if let Value::Map(map) = item {
            all.extend(map.keys().cloned());
        }
    }
    Ok(Value::results(all.into_iter().map(Value::Text).collect()))
}

fn spread<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let mut all = Vec::new();
    for item in a[0].items() {
        match item {
            Value::Map(map) => all.extend(map.iter().map(|(k, v)| Value::map(Map::from([(k.clone(), v.clone())])))),
            other => all.push(other.clone()),
        }
    }
    Ok(if a[0].is_undefined() { Value::Undefined } else { Value::gathered(all) })
}

fn merge<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    if a[0].is_undefined() {
        return Ok(Value::Undefined);
    }
    let mut all = Map::new();
    for item in a[0].items() {
        let Value::Map(map) = item else { bail!("expected objects, found a {}", item.kind()) };
        all.extend(map.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
    Ok(Value::map(all))
}

fn iso<'e>(millis: i64) -> Value<'e> {
    let layout = agent_golang::time::Layout::parse_spec("2006-01-02T15:04:05.000Z");
    Value::Text(layout.format(millis.saturating_mul(1_000_000), &Zone::Utc).into())
}

fn from_millis<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let Some(millis) = a[0].number() else { return Ok(Value::Undefined) };
    let (shown, zone) = (text_at(a, 1, "picture")?, text_at(a, 2, "zone")?);
    let shown = shown.filter(|picture| !picture.is_empty()).unwrap_or(ISO);
    let zone = zone.filter(|zone| !zone.is_empty());
    Ok(Value::Text(picture::format(millis as i64, shown, zone)?.into()))
}

/// A text that may be left out.
fn text_at<'v>(a: &'v [Value<'_>], at: usize, what: &str) -> Result<Option<&'v str>> {
    match a.get(at) {
        None | Some(Value::Undefined) => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(other) => bail!("the {what} must be a string, not a {}", other.kind()),
    }
}

/// What times look like where no picture is given.
const ISO: &str = "[Y]-[M01]-[D01]T[H01]:[m]:[s].[f001][Z01:01t]";
/// What is tried to read them where no picture is given.
const ISO_READ: [&str; 5] = [
    "[Y]-[M01]-[D01]T[H01]:[m]:[s][Z01:01t]",
    "[Y]-[M01]-[D01]T[H01]:[m]:[s][Z0100t]",
    "[Y]-[M01]-[D01]T[H01]:[m]:[s]",
    "[Y]-[M01]-[D01]",
    "[Y]",
];

fn to_millis<'e>(_: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let Value::Text(text) = &a[0] else { return Ok(Value::Undefined) };
    let read = match text_at(a, 1, "picture")? {
        Some(shown) if !shown.is_empty() => picture::parse(text, shown),
        _ => match ISO_READ.iter().find_map(|shown| picture::parse(text, shown).ok()) {
            Some(millis) => Ok(millis),
            None => bail!("cannot read {text:?} as a time"),
        },
    };
    Ok(Value::Number(read? as f64))
}

/// Sorts numbers or strings.
pub(super) fn sorted<'e>(items: &[Value<'e>]) -> Result<Vec<Value<'e>>> {
    let texts = items.iter().all(|v| matches!(v, Value::Text(_)));
    ensure!(texts || items.iter().all(|v| v.number().is_some()), "only numbers or only strings sort by themselves");
    let mut items = items.to_vec();
    items.sort_by(compare);
    Ok(items)
}

//! Queries on the elements of arrays: `#(path operator value)`.

use super::path::wildcard;
use super::value::{Found, Kind};
use crate::jsontext::{string_end, unescape};
use std::borrow::Cow;

#[derive(Debug, PartialEq)]
pub(super) struct Query<'p> {
    /// What of the element is compared; empty for the element itself.
    pub(super) path: &'p str,
    compare: Option<(Operator, Cow<'p, str>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Like,
    NotLike,
}

impl<'p> Query<'p> {
    /// Reads the query at the start of a path, `#` first; gives its length, too.
    pub(super) fn parse(path: &'p str) -> Option<(Query<'p>, usize)> {
        let bytes = path.as_bytes();
        let (mut at, mut depth, mut operator) = (2, 1, None);
        while depth > 0 {
            match *bytes.get(at)? {
                b'!' | b'=' | b'<' | b'>' | b'%' if depth == 1 && operator.is_none() => operator = Some(at),
                b'\\' => at += 1,
                b'[' | b'(' => depth += 1,
                b']' | b')' => depth -= 1,
                b'"' => at = string_end(bytes, at) - 1,
                _ => {}
            }
            at += 1;
        }
        let inner = path.get(2..at - 1)?;
        let Some(split) = operator else {
            return Some((Query { path: inner.trim(), compare: None }, at));
        };
        let (left, right) = inner.split_at_checked(split - 2)?;
        const OPERATORS: [(&str, Operator); 9] = [
            ("!=", Operator::NotEqual),
            ("!%", Operator::NotLike),
            ("<=", Operator::LessEqual),
            (">=", Operator::GreaterEqual),
            ("==", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("=", Operator::Equal),
            ("%", Operator::Like),
        ];
        let (operator, value) =
            OPERATORS.iter().find_map(|(text, operator)| Some((*operator, right.strip_prefix(text)?.trim())))?;
        let value = match value.strip_prefix('"') {
            None => Cow::Borrowed(value),
            Some(quoted) => {
                let mut out = String::new();
                unescape(quoted.strip_suffix('"').unwrap_or(quoted), &mut out);
                Cow::Owned(out)
            }
        };
        Some((Query { path: left.trim(), compare: Some((operator, value)) }, at))
    }

    /// Whether what the path found in an element satisfies the query.
    pub(super) fn matches(&self, value: &Found<'_>) -> bool {
        let Some((operator, wanted)) = &self.compare else { return value.exists() };
        if let Some(likeness) = wanted.strip_prefix('~') {
            let Some(is) = like(value, likeness) else { return false };
            return booleans(*operator, is, true);
        }
        match value.kind() {
            Kind::Text => texts(*operator, &value.text(), wanted),
            Kind::Number => numbers(*operator, value.number(), wanted.parse().unwrap_or(0.0)),
            kind @ (Kind::True | Kind::False) => {
                let is = kind == Kind::True;
                match (operator, &**wanted) {
                    (_, "true" | "false") => booleans(*operator, is, wanted == "true"),
                    // Nothing else is equal to a boolean; every value is at least false and at most true.
                    (Operator::NotEqual, _) => true,
                    (Operator::GreaterEqual, _) => is,
                    (Operator::LessEqual, _) => !is,
                    _ => false,
                }
            }
            Kind::None | Kind::Null | Kind::Json => false,
        }
    }
}

/// Whether a value is like `true`, `false`, `null`, or `*` there at all.
fn like(value: &Found<'_>, likeness: &str) -> Option<bool> {
    let text = || match value.text().to_lowercase().as_str() {
        "1" | "t" | "true" => Some(true),
        "0" | "f" | "false" => Some(false),
        _ => None,
    };
    Some(match (likeness, value.kind()) {
        ("*", kind) => kind != Kind::None,
        ("null", kind) => matches!(kind, Kind::Null | Kind::None),
        ("true", Kind::True) => true,
        ("true", Kind::Text) => text() == Some(true),
        ("true", Kind::Number) => value.number() == 1.0,
        ("true", _) => false,
        ("false", Kind::False | Kind::Null | Kind::None) => true,
        ("false", Kind::Text) => text() == Some(false),
        ("false", Kind::Number) => value.number() == 0.0,
        ("false", _) => false,
        _ => return None,
    })
}

fn texts(operator: Operator, value: &str, wanted: &str) -> bool {
    match operator {
        Operator::Equal => value == wanted,
        Operator::NotEqual => value != wanted,
        Operator::Less => value < wanted,
        Operator::LessEqual => value <= wanted,
        Operator::Greater => value > wanted,
        Operator::GreaterEqual => value >= wanted,
        Operator::Like => wildcard(value, wanted),
        Operator::NotLike => !wildcard(value, wanted),
    }
}

fn numbers(operator: Operator, value: f64, wanted: f64) -> bool {
    match operator {
        Operator::Equal => value == wanted,
        Operator::NotEqual => value != wanted,
        Operator::Less => value < wanted,
        Operator::LessEqual => value <= wanted,
        Operator::Greater => value > wanted,
        Operator::GreaterEqual => value >= wanted,
        Operator::Like | Operator::NotLike => false,
    }
}

fn booleans(operator: Operator, value: bool, wanted: bool) -> bool {
    match operator {
        Operator::Equal => value == wanted,
        Operator::NotEqual => value != wanted,
        Operator::Less => !value & wanted,
        Operator::LessEqual => value <= wanted,
        Operator::Greater => value & !wanted,
        Operator::GreaterEqual => value >= wanted,
        Operator::Like | Operator::NotLike => false,
    }
}

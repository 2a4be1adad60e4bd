//! Comparison: the template's `eq` and its like, and equality of whatever values.

use std::cmp::Ordering;
use std::rc::Rc;

use super::{DEEPEST, MOST_VISITED, Value};

/// `eq`: an error for values of kinds that cannot be compared.
pub(super) fn equal(left: &Value<'_>, right: &Value<'_>) -> Result<bool, String> {
    Ok(match (left, right) {
        (Value::Nil, _) | (_, Value::Nil) => matches!((left, right), (Value::Nil, Value::Nil)),
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Float(left), Value::Float(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Time(left, _), Value::Time(right, _)) => left == right,
        (Value::List(_) | Value::Map(_), _) | (_, Value::List(_) | Value::Map(_)) => {
            return Err("non-comparable type: lists and maps".to_owned());
        }
        _ => match integers(left, right) {
            Some(ordering) => ordering == Ordering::Equal,
            None => return Err(incompatible(left, right)),
        },
    })
}

/// `lt` and its like.
pub(super) fn order(left: &Value<'_>, right: &Value<'_>) -> Result<Option<Ordering>, String> {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => Ok(left.partial_cmp(right)),
        (Value::Text(left), Value::Text(right)) => Ok(Some(left.cmp(right))),
        (Value::Bool(_), Value::Bool(_)) => Err("invalid type for comparison".to_owned()),
        _ => match integers(left, right) {
            Some(ordering) => Ok(Some(ordering)),
            None => Err(incompatible(left, right)),
        },
    }
}

fn incompatible(left: &Value<'_>, right: &Value<'_>) -> String {
    let (left, right) = (left.type_name(), right.type_name());
    format!("incompatible types for comparison: {left} and {right}")
}

fn integers(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    let wide = |value: &Value<'_>| match value {
        Value::Int(value) | Value::Counted(value, _) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    };
    Some(wide(left)?.cmp(&wide(right)?))
}

/// Go's `reflect.DeepEqual`; values too deep or too many to compare are not equal.
pub(super) fn deep_equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    deep(left, right, DEEPEST, &mut { MOST_VISITED })
}

fn deep(left: &Value<'_>, right: &Value<'_>, depth: usize, visits: &mut usize) -> bool {
    *visits = visits.saturating_sub(1);
    if depth == 0 || *visits == 0 {
        return false;
    }
    match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Int(left), Value::Int(right)) => left == right,
        (Value::Counted(left, this), Value::Counted(right, other)) => left == right && this == other,
        (Value::Uint(left), Value::Uint(right)) => left == right,
        (Value::Float(left), Value::Float(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Time(left, _), Value::Time(right, _)) => left == right,
        (Value::List(left), Value::List(right)) => {
            let mut pairs = left.iter().zip(right.iter());
            left.len() == right.len() && pairs.all(|(left, right)| deep(left, right, depth - 1, visits))
        }
        (Value::Map(left), Value::Map(right)) => {
            if std::ptr::addr_eq(Rc::as_ptr(&left.entries), Rc::as_ptr(&right.entries)) {
                return true;
            }
            let (left, right) = (left.entries.borrow(), right.entries.borrow());
            let mut pairs = left.iter().zip(right.iter());
            left.len() == right.len()
                && pairs.all(|(left, right)| left.0 == right.0 && deep(left.1, right.1, depth - 1, visits))
        }
        (Value::Object(left), Value::Object(right)) => std::ptr::addr_eq(*left, *right),
        _ => false,
    }
}

//! Makes values and times of what paths found.

use super::row::Cell;
use crate::gjson::{Found, Kind};
use agent_api::{Context, Result, ensure};
use agent_golang::number::{FloatStyle, append_float, parse_bool, parse_float, parse_int, parse_uint};
use agent_golang::time::{Stamp, TimestampFormat, Zone};

/// The type that is wanted of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Type {
    /// The one that it has.
    #[default]
    Own,
    Int,
    Uint,
    Float,
    Text,
    Bool,
}

impl Type {
    pub(super) fn named(name: &str) -> Type {
        match name {
            "int" => Type::Int,
            "uint" => Type::Uint,
            "float" => Type::Float,
            "string" => Type::Text,
            "bool" => Type::Bool,
            _ => Type::Own,
        }
    }
}

/// Numbers up to here are the same as a float and as an integer.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// The value; None for null.
pub(super) fn convert(found: &Found<'_>, wanted: Type) -> Result<Option<Cell>, String> {
    let failed = |what: &str| format!("{} is no {what}", found.raw());
    let text = || found.text().into_owned();
    Ok(Some(match (found.kind(), wanted) {
        (Kind::None | Kind::Null, _) => return Ok(None),
        (Kind::Json, _) => Cell::Text(found.raw().to_owned()),
        (Kind::Text, Type::Int) => Cell::Int(parse_int(&found.text(), 10).map_err(|_| failed("integer"))?),
        (Kind::Text, Type::Uint) => Cell::Uint(parse_uint(&found.text(), 10).map_err(|_| failed("unsigned integer"))?),
        (Kind::Text, Type::Float) => Cell::Float(parse_float(&found.text()).map_err(|_| failed("float"))?),
        (Kind::Text, Type::Bool) => Cell::Bool(parse_bool(&found.text()).map_err(|_| failed("boolean"))?),
        (Kind::Text, Type::Text | Type::Own) => Cell::Text(text()),
        (kind @ (Kind::True | Kind::False), wanted) => {
            let is = kind == Kind::True;
            match wanted {
                Type::Text => Cell::Text(text()),
                Type::Int => Cell::Int(is.into()),
                Type::Uint => Cell::Uint(is.into()),
                _ => Cell::Bool(is),
            }
        }
        (Kind::Number, wanted) => {
            let number = found.number();
            match wanted {
                Type::Own | Type::Float => Cell::Float(number),
                Type::Int if number.abs() <= EXACT => Cell::Int(number as i64),
                Type::Int => Cell::Int(found.raw().parse().unwrap_or(number as i64)),
                Type::Uint if number <= -1.0 => return Err(failed("unsigned integer")),
                Type::Uint if number <= EXACT => Cell::Uint(number as u64),
                Type::Uint => Cell::Uint(found.raw().parse().unwrap_or(number as u64)),
                Type::Bool if number == 0.0 || number == 1.0 => Cell::Bool(number == 1.0),
                Type::Bool => return Err(failed("boolean")),
                Type::Text => {
                    let mut out = String::new();
                    append_float(number, FloatStyle::Shortest, &mut out);
                    Cell::Text(out)
                }
            }
        }
    }))
}

/// The value as a tag; None for null.
pub(super) fn tag(found: &Found<'_>) -> Option<String> {
    match convert(found, Type::Text) {
        Ok(Some(Cell::Text(text))) => Some(text),
        _ => None,
    }
}

/// How times are read.
pub(super) struct Clock {
    format: TimestampFormat,
    zone: Zone,
}

impl Clock {
    /// From the options of a path or key `name`; None if there is none.
    pub(super) fn new(name: &str, format: &str, zone: &str) -> Result<Option<Clock>> {
        if name.is_empty() {
            return Ok(None);
        }
        ensure!(!format.is_empty(), "the time {name:?} needs timestamp_format");
        let zone = Zone::parse(zone).context("timestamp_timezone")?;
        Ok(Some(Clock { format: TimestampFormat::parse_spec(format), zone }))
    }

    pub(super) fn read(&self, found: &Found<'_>) -> Result<i64, String> {
        let read = self.format.parse(Stamp::Text(&found.text()), &self.zone);
        read.map_err(|e| e.to_string())
    }
}

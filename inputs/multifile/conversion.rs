//! What the text of a file is made into.

use agent_api::metric::Builder;
use agent_api::{Result, bail};
use agent_golang::number::{parse_bool, parse_float, parse_int};

/// What a text is made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    /// A number, divided by this power of ten.
    Float(i32),
    Int,
    Bool,
    Text,
    Tag,
}

impl Conversion {
    /// Reads the option `conversion`.
    pub(super) fn new(name: &str) -> Result<Self> {
        let power = name.strip_prefix("float(").and_then(|rest| rest.strip_suffix(')'));
        Ok(match (name, power.map(|digits| digits.trim().parse())) {
            (_, Some(Ok(power))) => Conversion::Float(power),
            ("float", _) => Conversion::Float(0),
            ("int", _) => Conversion::Int,
            ("bool", _) => Conversion::Bool,
            ("string" | "", _) => Conversion::Text,
            ("tag", _) => Conversion::Tag,
            _ => bail!("invalid conversion {name:?}, it is none of float, float(X), int, bool, string, tag"),
        })
    }

    /// Adds the field or tag.
    pub(super) fn put(self, name: &str, text: &str, metric: &mut Builder<'_>) -> Result<()> {
        match self {
            // Division, as a product with a fraction would not be the nearest number.
            Conversion::Float(power) => metric.add_field(name, parse_float(text)? / 10f64.powi(power)),
            Conversion::Int => metric.add_field(name, parse_int(text, 10)?),
            Conversion::Bool => metric.add_field(name, parse_bool(text)?),
            Conversion::Text => metric.add_field(name, text),
            Conversion::Tag => metric.add_tag(name, text),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_read() {
        for (name, power) in [("float", 0), ("float(3)", 3), ("float( -2)", -2), ("float(+1)", 1)] {
            assert_eq!(Conversion::new(name).unwrap(), Conversion::Float(power), "{name}");
        }
        for name in ["float(", "float()", "float(3", "float(x)", "float(99999999999)", "Int", "hex"] {
            assert!(Conversion::new(name).is_err(), "{name}");
        }
    }
}

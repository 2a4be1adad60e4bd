//! Types and equality (sprig, "Reflection Functions" and "Type Conversion Functions").

use super::{Args, Function, as_text};
use crate::template::{Text, Unit, Value, compare};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("toString", 1, |args| {
        Ok(match args.value(0) {
            Value::Text(text) => Value::Text(text.clone()),
            other => as_text(other).into(),
        })
    }),
    Function::new("typeOf", 1, |args| Ok(args.value(0).type_name().to_owned().into())),
    Function::new("typeIs", 2, |args| Ok((**args.text(0)? == *args.value(1).type_name()).into())),
    Function::new("typeIsLike", 2, |args| {
        let name = args.value(1).type_name();
        let wanted = args.text(0)?;
        Ok((**wanted == *name || format!("*{}", &**wanted) == name).into())
    }),
    Function::new("kindOf", 1, |args| Ok(kind(args.value(0)).into())),
    Function::new("kindIs", 2, kind_is),
    Function::new("deepEqual", 2, |args| Ok(compare::deep_equal(args.value(0), args.value(1)).into())),
];

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Uint(_) => "uint64",
        Value::Float(_) => "float64",
        Value::Counted(_, Unit::Duration) => "int64",
        Value::Counted(..) => "int",
        Value::Text(_) => "string",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Time(..) => "struct",
        Value::Object(_) => "ptr",
    }
}

/// A whole number is an `int` as well, as it is in Go where it stands in the template.
fn kind_is<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let wanted: &Text<'a> = args.text(0)?;
    let kind = kind(args.value(1));
    Ok((**wanted == *kind || &**wanted == "int" && kind == "int64").into())
}

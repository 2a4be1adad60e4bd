//! Prints values as Go's fmt does with `%v`.

use super::access::append_time;
use super::{DEEPEST, LARGEST, Value};
use crate::number::{FloatStyle, append_float, append_int, append_uint};

/// Appends the result of an action: as `%v`, but nothing is `<no value>`.
pub(super) fn append_result(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Nil => out.push_str("<no value>"),
        _ => append(value, out),
    }
}

/// Appends `%v`.
pub(super) fn append(value: &Value<'_>, out: &mut String) {
    Printer { depth: 0, out }.value(value);
}

/// What `%v` gives.
pub(super) fn to_text(value: &Value<'_>) -> String {
    let mut out = String::new();
    append(value, &mut out);
    out
}

/// Go's `Sprint`: a blank between two operands if neither is a text.
pub(super) fn sprint(values: &[Value<'_>]) -> String {
    let mut out = String::new();
    for (index, value) in values.iter().enumerate() {
        let is_text = |value: &Value<'_>| matches!(value, Value::Text(_));
        if index > 0 && !is_text(value) && !is_text(&values[index - 1]) {
            out.push(' ');
        }
        append(value, &mut out);
        if out.len() > LARGEST {
            break;
        }
    }
    out
}

/// Go's `Sprintln`: blanks between all operands and a line end.
pub(super) fn sprintln(values: &[Value<'_>]) -> String {
    let mut out = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        append(value, &mut out);
        if out.len() > LARGEST {
            break;
        }
    }
    out.push('\n');
    out
}

struct Printer<'o> {
    depth: usize,
    out: &'o mut String,
}

impl Printer<'_> {
    fn value(&mut self, value: &Value<'_>) {
        // Whoever asked for the text checks its size and refuses what is beyond the limit.
        if self.depth > DEEPEST || self.out.len() > LARGEST {
            return;
        }
        match value {
            Value::Nil => self.out.push_str("<nil>"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => append_int(*value, self.out),
            Value::Uint(value) => append_uint(*value, self.out),
            Value::Float(value) => append_float(*value, FloatStyle::Shortest, self.out),
            Value::Counted(value, unit) => unit.print(*value, self.out),
            Value::Text(text) => self.out.push_str(text),
            Value::Time(time, zone) => append_time(*time, zone, self.out),
            Value::Object(object) => object.print(self.out),
            Value::List(items) => {
                self.depth += 1;
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(' ');
                    }
                    self.value(item);
                }
                self.out.push(']');
                self.depth -= 1;
            }
            Value::Map(map) => {
                self.depth += 1;
                self.out.push_str("map[");
                for (index, (key, value)) in map.entries.borrow().iter().enumerate() {
                    if index > 0 {
                        self.out.push(' ');
                    }
                    self.out.push_str(key);
                    self.out.push(':');
                    self.value(value);
                }
                self.out.push(']');
                self.depth -= 1;
            }
        }
    }
}

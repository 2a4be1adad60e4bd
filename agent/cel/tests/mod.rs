//! The language as a whole, against what cel-go makes of the same expressions (`oracle/cel-go.tsv`).

mod limits;
mod random;

use crate::eval::Context;
use crate::value::Value;
use crate::{Field, MAX_STEPS, Program, Subject, plan};

/// The metric of all tests.
pub(super) struct Heat;

const TAGS: [(&str, &str); 4] = [("room", "hall"), ("floor", "2"), ("empty", ""), ("host", "a")];
const FIELDS: [(&str, Field<'static>); 10] = [
    ("temp", Field::Float(21.5)),
    ("count", Field::Int(3)),
    ("neg", Field::Int(-7)),
    ("u", Field::Uint(7)),
    ("ok", Field::Bool(true)),
    ("off", Field::Bool(false)),
    ("note", Field::Str("Fan On")),
    ("big", Field::Uint(u64::MAX)),
    ("f", Field::Float(2.0)),
    ("zero", Field::Int(0)),
];

impl Subject for Heat {
    fn name(&self) -> &str {
        "heat"
    }

    fn time_ns(&self) -> i64 {
        1_700_000_000_123_456_789
    }

    fn tag(&self, key: &str) -> Option<&str> {
        TAGS.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn tag_count(&self) -> usize {
        TAGS.len()
    }

    fn tag_at(&self, place: usize) -> Option<(&str, &str)> {
        TAGS.get(place).copied()
    }

    fn field(&self, key: &str) -> Option<Field<'_>> {
        FIELDS.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn field_count(&self) -> usize {
        FIELDS.len()
    }

    fn field_at(&self, place: usize) -> Option<(&str, Field<'_>)> {
        FIELDS.get(place).copied()
    }

    fn now_ns(&self) -> i64 {
        1_800_000_000_000_000_000
    }
}

/// Where we differ on purpose.
const DIFFERENCES: [(&str, &str); 2] = [
    // The reference cannot run over a constant list of types.
    ("[int, string].exists(t, t == type(fields.count))", "bool\ttrue"),
    // The reference expands its loops to code with a variable of this name.
    ("[1,2,3].all(__result__, true)", "bool\ttrue"),
];

#[test]
fn agrees_with_cel_go() {
    let mut wrong = Vec::new();
    let table = include_str!("../oracle/cel-go.tsv");
    assert!(table.lines().count() > 700);
    for row in table.lines() {
        let (source, expected) = row.split_once('\t').expect("two columns");
        let known = DIFFERENCES.iter().find(|(different, _)| *different == source);
        let expected = known.map_or(expected, |(_, ours)| *ours);
        let got = outcome(source);
        if got != expected {
            wrong.push(format!("{source}\n    expected {expected}\n    got      {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// Type and value, or the error, as the table has it.
fn outcome(source: &str) -> String {
    let Ok((node, of)) = plan(source) else {
        return "compile error".to_owned();
    };
    let mut context = Context::new(&Heat, MAX_STEPS);
    match node.value(&mut context) {
        Ok(value) => format!("{of}\t{}", literal(&mut context, &value)),
        Err(_) => format!("{of}\trun-time error"),
    }
}

/// A value as it is written in the language.
fn literal<'a>(context: &mut Context<'a>, value: &Value<'a>) -> String {
    match value {
        Value::Uint(number) => format!("{number}u"),
        Value::Double(number) if number.is_nan() => "double(\"NaN\")".to_owned(),
        Value::Double(number) if number.is_infinite() => {
            format!("double(\"{}Infinity\")", if *number < 0.0 { "-" } else { "" })
        }
        Value::Double(number) if number.fract() == 0.0 => format!("{number}.0"),
        Value::Double(number) => number.to_string(),
        Value::Str(_) | Value::Text(_) => {
            let quote = crate::functions::find("strings.quote").expect("a function");
            (quote.run)(context, std::slice::from_ref(value)).expect("a string").to_string()
        }
        Value::Bytes(bytes) => {
            let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
            format!("b\"{octal}\"")
        }
        Value::Timestamp(_) => format!("timestamp(\"{value}\")"),
        Value::Duration(_) => format!("duration(\"{value}\")"),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| literal(context, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(_) | Value::Tags | Value::Fields => {
            let entries = context.entries(value).expect("a map");
            let mut entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", literal(context, key), literal(context, value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

#[test]
fn compile_errors_name_what_is_wrong_and_where() {
    for (source, expected) in [
        ("name == ", "1:9: syntax error: expected an operand, found the end"),
        ("measurement == 'heat'", "1:1: undeclared reference to 'measurement'"),
        ("name.hasPrefix('h')", "1:6: undeclared reference to 'hasPrefix'"),
        ("math.pow(2, 3) > 1", "1:6: undeclared reference to 'math.pow'"),
        ("name + 1 == 'a'", "1:6: found no matching overload for '_+_' applied to '(string, int)'"),
        ("true &&\n  name.contains(1)", "2:8: found no matching overload for 'contains' applied to 'string.(int)'"),
        ("'é' == 'é' && x", "1:15: undeclared reference to 'x'"),
        ("name", "1:1: expression must return a bool, but returns 'string'"),
        (
            "fields.ok",
            "1:1: expression must return a bool, but may return anything; compare it, as in 'fields.x == true'",
        ),
        ("name && true", "1:1: expected type 'bool' but found 'string'"),
        ("int('x') == 1", "1:1: cannot convert string \"x\" to int"),
        ("duration('1d') < duration('2h')", "1:1: cannot convert string \"1d\" to duration"),
        ("name.matches('[')", "1:6: compile pattern \"[\": missing closing ]"),
        ("name = 'heat'", "1:6: syntax error: '=' is no operator, '==' compares"),
        ("name == 'heat' and true", "1:16: syntax error: expected the end, found 'and'"),
        ("math.greatest('a', 1) == 1", "1:15: math.greatest() simple literal arguments must be numeric"),
        ("'%d'.format([name]) == ''", "1:6: format: %d cannot show a value of type string"),
        ("", "1:1: syntax error: expected an operand, found the end"),
    ] {
        let error = Program::compile(source).expect_err(source).to_string();
        assert_eq!(error, expected, "{source}");
    }
}

#[test]
fn evaluation_errors_name_the_cause() {
    for (source, expected) in [
        ("fields.missing > 1", "no such key: missing"),
        ("tags['x y'] == ''", "no such key: x y"),
        ("fields.note > 1", "no such overload"),
        ("fields.temp + 1 > 2", "no such overload: _+_"),
        ("fields.count / 0 > 1", "division by zero"),
        ("[1][fields.count] == 1", "index out of bounds: 3"),
        ("int(fields.note) > 1", "cannot convert string \"Fan On\" to int"),
        ("time.getHours(name) > 1", "unknown time zone \"heat\""),
        ("fields.missing > 1 || fields.gone > 1", "no such key: missing"),
    ] {
        let program = Program::compile(source).expect(source);
        assert_eq!(program.test(&Heat).expect_err(source).to_string(), expected, "{source}");
    }
}

#[test]
fn a_program_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Program>();
}

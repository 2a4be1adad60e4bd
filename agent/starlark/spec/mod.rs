//! What scripts give: tables of expressions and their `repr`, by area.

mod calls;
mod collections;
mod engine;
mod errors;
mod fuzz;
mod modules;
mod numbers;
mod statements;
mod strings;
mod toy;

use crate::{Error, Options, Script};
use toy::Toy;

/// Runs a script and gives the `repr` of its global `out`, or the error.
fn run(source: &str) -> Result<String, Error> {
    let options = Options { steps: Some(1_000_000), memory: 16 << 20, ..toy::OPTIONS };
    let mut host = Toy::default();
    let source = format!("{source}\nout = repr(out)\n");
    let script = Script::load(&source, "test.star", &options, &mut host)?;
    let out = script.global("out").expect("the script sets out");
    Ok(script.heap().text(out).into_owned())
}

/// Checks pairs of an expression and the `repr` of its value.
fn check(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        let found = run(&format!("out = {expression}")).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(found, *expected, "{expression}");
    }
}

/// Checks pairs of a script that sets `out` and the `repr` of that.
fn check_scripts(table: &[(&str, &str)]) {
    for (script, expected) in table {
        let found = run(script).unwrap_or_else(|error| panic!("{script}\n{}", error.traceback()));
        assert_eq!(found, *expected, "{script}");
    }
}

/// Checks pairs of an expression and the message of its error.
fn check_errors(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        match run(&format!("out = {expression}")) {
            Ok(found) => panic!("{expression} gives {found} instead of an error"),
            Err(error) => assert_eq!(error.message(), *expected, "{expression}"),
        }
    }
}

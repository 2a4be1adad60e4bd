//! Expressions that are too long, too deep or too much work end in an error.

use super::{Heat, outcome};
use crate::{MAX_SOURCE, MAX_STEPS, Program};

fn compile_error(source: &str) -> String {
    Program::compile(source).expect_err("too much").message
}

#[test]
fn source_is_bounded() {
    let long = format!("true{}", " ".repeat(MAX_SOURCE));
    assert_eq!(compile_error(&long), "expression is longer than 65536 bytes");
    assert!(Program::compile(&long[..MAX_SOURCE]).is_ok());
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("(", ")"), ("[", "]"), ("!(", ")"), ("size(", ")"), ("{1: ", "}"), ("[1][", "]")] {
        let deep = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        assert!(compile_error(&deep(8_000)).contains("nested"), "{open}");
        outcome(&deep(90));
    }
    assert!(compile_error(&format!("{}1 == 1", "1 + ".repeat(300))).contains("nested"));
    assert!(compile_error(&format!("true{}", " ? true : true".repeat(3_000))).contains("nested"));
    assert!(compile_error(&format!("tags{}", ".a".repeat(20_000))).contains("nested"));
    // Chains of && and || are flat, and signs cancel each other.
    assert_eq!(outcome(&format!("true{}", " && true".repeat(5_000))), "bool\ttrue");
    assert_eq!(outcome(&format!("{}true", "!".repeat(20_000))), "bool\ttrue");
}

#[test]
fn deepest_expression_evaluates() {
    let source = format!("{}fields.count{} == 3", "[".repeat(90), "]".repeat(90));
    assert_eq!(outcome(&source), "compile error");
    let source = format!("{}fields.count{}.size() == 1", "[".repeat(90), "]".repeat(90));
    assert_eq!(outcome(&source), "bool\ttrue");
    let source = format!("3{} == 93", " + fields.zero + 1".repeat(45).replace("fields.zero + 1", "fields.count - 1"));
    assert_eq!(outcome(&source), "bool\ttrue");
}

#[test]
fn types_do_not_grow_without_bound() {
    let source = format!("[1]{}.size() == 1", ".map(x, {x: x})".repeat(60));
    assert_eq!(outcome(&source), "bool\ttrue");
}

#[test]
fn work_is_bounded() {
    let exhausted = format!("expression takes more than {MAX_STEPS} steps");
    let ten = "[0,1,2,3,4,5,6,7,8,9]";
    let loops = |body: &str| {
        let nest: String = (0..7).map(|level| format!("{ten}.all(x{level}, ")).collect();
        format!("{nest}{body}{}", ")".repeat(7))
    };
    let growing = |step: &str| format!("fields.note{}.size() > 0", step.repeat(80));
    for source in [
        loops("fields.count == 3"),
        loops("fields.count == 3 || fields.missing"),
        growing(".replace('', 'xxxxxxxxxxxxxxxx')"),
        format!("{ten}{}.size() > 0", ".map(x, name + string(x))".to_owned() + &".map(x, x + x)".repeat(80)),
        format!("[fields.note]{} == []", ".map(x, [x, x, x, x, x, x, x, x])".repeat(30) + ".map(x, json.encode(x))"),
        format!(
            "[fields.note]{same}.all(x, x == [fields.note]{same}[0])",
            same = ".map(x, [x, x, x, x, x, x, x, x])".repeat(12)
        ),
        format!("[fields.note]{} == []", ".map(x, [x, x])".repeat(60) + ".map(x, '%s'.format([x]))"),
        format!("{ten}.all(a, {ten}.all(b, !name.matches(fields.note + string(a) + string(b))))"),
    ] {
        let program = Program::compile(&source).expect(&source);
        let error = program.test(&Heat).expect_err(&source).to_string();
        assert_eq!(error, exhausted, "{source}");
    }
}

#[test]
fn chains_of_type_variables_do_not_recurse() {
    let source = format!("[[]].all(x, true{})", " && x == []".repeat(5_000));
    assert_eq!(outcome(&source), "bool\ttrue");
}

#[test]
fn big_maps_are_paid_for() {
    let entries: String = (0..3_500).map(|key| format!("{key}u+fields.u:0,")).collect();
    let program = Program::compile(&format!("{{{entries}}}.size() == 3500")).expect("a map");
    assert!(program.test(&Heat).expect_err("too much").to_string().contains("steps"));
}

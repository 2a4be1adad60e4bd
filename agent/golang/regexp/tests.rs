//! What expressions match and replace, and that Go does the same.

use super::*;
use crate::testing::{Random, rows};

#[test]
fn matches_and_replaces_as_go_does() {
    let table = rows(include_str!("../oracle/regexp.jsonl"));
    let texts = table[0][0].as_array().unwrap();
    let templates = table[0][1].as_array().unwrap();
    for row in &table[1..] {
        let pattern = row[0].as_str().unwrap();
        let compiled = Regexp::compile(pattern);
        let Some(expected) = row[1].as_array() else {
            assert!(compiled.is_err(), "{pattern:?}");
            continue;
        };
        let compiled = compiled.unwrap();
        let whole = compiled.replacement("<$0>");
        for (index, text) in texts.iter().enumerate() {
            let text = text.as_str().unwrap();
            let replaced = compiled.replace_all(text, &whole);
            assert_eq!(replaced, expected[2 * index].as_str().unwrap(), "{pattern:?} {text:?}");
            let template = templates[index % templates.len()].as_str().unwrap();
            let replaced = compiled.replace_all(text, &compiled.replacement(template));
            let expected = expected[2 * index + 1].as_str().unwrap();
            assert_eq!(replaced, expected, "{pattern:?} {text:?} {template:?}");
        }
    }
}

#[test]
fn text_without_a_match_is_not_copied() {
    let regexp = Regexp::compile(r"\d").unwrap();
    let replacement = regexp.replacement("x");
    assert!(matches!(regexp.replace_all("abc", &replacement), Cow::Borrowed("abc")));
    assert!(matches!(regexp.replace_all("a1", &replacement), Cow::Owned(_)));
}

#[test]
fn groups_have_names() {
    let regexp = Regexp::compile("(?P<a>x)(y)(?<1b>z)").unwrap();
    let names: Vec<_> = regexp.names().collect();
    assert_eq!(names, [None, Some("a"), None, Some("1b")]);
    assert_eq!((regexp.group("1b"), regexp.group("b")), (Some(3), None));
    let captures = regexp.as_regex().captures("xyz").unwrap();
    let mut out = String::new();
    regexp.expand(&regexp.replacement("$1b$a$c-"), &captures, &mut out);
    assert_eq!(out, "zx-");
}

#[test]
fn literal_replacement_has_no_references() {
    let regexp = Regexp::compile("(a)").unwrap();
    assert_eq!(regexp.replace_all("a", &Replacement::literal("$1$$")), "$1$$");
}

#[test]
fn errors_say_what_is_wrong() {
    let error = |pattern| Regexp::compile(pattern).unwrap_err().to_string();
    assert_eq!(error("[a"), r#"compile pattern "[a": missing closing ]"#);
    assert_eq!(error("(a"), r#"compile pattern "(a": missing closing )"#);
    assert_eq!(error("a**"), r#"compile pattern "a**": invalid nested repetition operator "*""#);
    assert_eq!(error(r"\q"), r#"compile pattern "\\q": invalid escape sequence "\\q""#);
    assert!(error("*").starts_with(r#"compile pattern "*": "#));
    assert!(Regexp::compile(&"(".repeat(100_000)).is_err());
    assert!(Regexp::compile(&("(".repeat(10_000) + &")".repeat(10_000))).is_err());
    assert!(Regexp::compile("((a{1000}){1000}){1000}").is_err());
}

#[test]
fn random_patterns_do_not_panic_and_never_break_the_engine_syntax() {
    const PIECES: [&str; 34] = [
        "a",
        "b",
        "é",
        "[",
        "]",
        "^",
        "-",
        "&&",
        "~~",
        "[:alpha:]",
        "(",
        ")",
        "(?i)",
        "(?P<n>",
        "(?:",
        "|",
        "*",
        "+",
        "?",
        "{2}",
        "{1,}",
        "{",
        "}",
        "\\",
        "\\d",
        "\\b",
        "\\B",
        "\\pL",
        "\\Q",
        "\\E",
        "\\x{61}",
        ".",
        "$",
        " ",
    ];
    let mut random = Random(9);
    let mut compiled = 0;
    for _ in 0..2_000 {
        let pattern = random.text(&PIECES, 7);
        if let Ok(regexp) = Regexp::compile(&pattern) {
            compiled += 1;
            let text = random.text(&["a", "b", "é", " ", "\\", "[", "$1", "${n}", "\n"], 6);
            let replacement = regexp.replacement(&text);
            let _ = regexp.replace_all(&text, &replacement);
        }
    }
    assert!(compiled > 300, "{compiled}");
}

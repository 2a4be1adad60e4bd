//! What patterns match.

use super::*;
use crate::testing::{Random, rows};

#[test]
fn matches_as_gobwas_does() {
    let table = rows(include_str!("../oracle/glob.jsonl"));
    let texts = table[0][0].as_array().unwrap();
    for row in &table[1..] {
        let pattern = row[0].as_str().unwrap();
        let separators: Vec<char> = row[1].as_str().unwrap().chars().collect();
        let compiled = Glob::compile(pattern, &separators);
        let Some(expected) = row[2].as_array() else {
            assert!(compiled.is_err(), "{pattern:?}");
            continue;
        };
        let compiled = compiled.unwrap();
        for text in texts {
            let text = text.as_str().unwrap();
            let gobwas = expected.iter().any(|own| own == text);
            let right = gobwas != is_error_of_gobwas(pattern, &separators, text);
            assert_eq!(compiled.is_match(text), right, "{pattern:?} {separators:?} {text:?}");
        }
    }
}

/// Where gobwas/glob answers wrongly by its own documentation; no one can mean these.
fn is_error_of_gobwas(pattern: &str, separators: &[char], text: &str) -> bool {
    match (pattern, text) {
        // One character out of none.
        ("?" | "[!abc]" | "[!a-c]" | "[!!]", "") => true,
        ("***", "") => !separators.is_empty(),
        // Only the first separator counts.
        ("?*" | "*?", _) => separators.len() == 2 && text.contains(['.', '_']),
        // Beginning and end share a character.
        ("a.*.c", "a.c") => separators.is_empty(),
        ("a.**.c", "a.c") => true,
        // Lengths are counted in bytes.
        ("?本", "日本") => true,
        _ => false,
    }
}

#[test]
fn errors_name_the_pattern() {
    let error = |pattern| Glob::compile(pattern, &[]).unwrap_err().to_string();
    assert_eq!(error("a[b"), r#"compile pattern "a[b": bracket is not closed"#);
    assert_eq!(error("[]"), r#"compile pattern "[]": brackets are empty"#);
    assert_eq!(error("[c-a]"), r#"compile pattern "[c-a]": range goes from high to low"#);
    assert!(error(&"{".repeat(10_000)).ends_with("braces nest too deep"));
}

#[test]
fn list_of_names_is_literal() {
    let filter = Filter::compile(&["{a,b}", "c"], &[]).unwrap();
    assert!(filter.is_match("{a,b}") && filter.is_match("c"));
    assert!(!filter.is_match("a"));
    let mut names: Vec<_> = filter.names().unwrap().collect();
    names.sort_unstable();
    assert_eq!(names, ["c", "{a,b}"]);
}

#[test]
fn one_pattern_makes_all_entries_patterns() {
    let filter = Filter::compile(&["{a,b}", "c*"], &[]).unwrap();
    for text in ["a", "b", "c", "cc"] {
        assert!(filter.is_match(text), "{text}");
    }
    assert!(!filter.is_match("{a,b}"));
    assert!(filter.names().is_none());
    // An entry is split at its comma, as the entries are joined.
    let filter = Filter::compile(&["x,y", "c*"], &[]).unwrap();
    assert!(filter.is_match("x") && filter.is_match("y") && !filter.is_match("x,y"));
}

#[test]
fn separators_make_patterns() {
    let filter = Filter::compile(&["{a,b}"], &['.']).unwrap();
    assert!(filter.is_match("a") && !filter.is_match("{a,b}"));
    let filter = Filter::compile(&["a.*.c"], &['.']).unwrap();
    assert!(filter.is_match("a.b.c") && !filter.is_match("a.b.b.c"));
}

#[test]
fn empty_filter_matches_nothing() {
    let none: [&str; 0] = [];
    let filter = Filter::compile(&none, &[]).unwrap();
    assert!(filter.is_empty() && !filter.is_match("") && !filter.is_match("a"));
    let all = IncludeExclude::compile(&none, &none, &[]).unwrap();
    assert!(all.is_empty() && all.passes("a"));
}

#[test]
fn include_and_exclude() {
    let none: [&str; 0] = [];
    let both = IncludeExclude::compile(&["cpu*", "mem"], &["cpu1"], &[]).unwrap();
    assert!(both.passes("cpu0") && both.passes("mem"));
    assert!(!both.passes("cpu1") && !both.passes("disk"));
    let exclude = IncludeExclude::compile(&none, &["a"], &[]).unwrap();
    assert!(exclude.passes("b") && !exclude.passes("a"));
    assert!(IncludeExclude::compile(&["["], &none, &[]).is_err());
}

#[test]
fn many_names_are_hashed() {
    let names: Vec<String> = (0..1000).map(|number| format!("name{number}")).collect();
    let set = Set::literal(&names);
    assert!(set.is_match("name0") && set.is_match("name999") && !set.is_match("name1000"));
    assert_eq!(set.names().unwrap().count(), 1000);
}

#[test]
fn long_texts_take_linear_time() {
    let pattern = "{*a,b*}".repeat(20) + "c";
    let text = "a".repeat(50_000);
    for pattern in [pattern, "*a".repeat(50) + "b"] {
        assert!(!Glob::compile(&pattern, &[]).unwrap().is_match(&text));
    }
}

#[test]
fn random_patterns_do_not_panic_and_agree_with_a_plain_matcher() {
    const PIECES: [&str; 18] =
        ["a", "b", ".", "*", "**", "?", "[ab]", "[!a]", "[a-b]", "{a,b}", "{a*,", "}", ",", "\\", "[", "]", "é", "{"];
    let mut random = Random(42);
    for _ in 0..700 {
        let pattern = random.text(&PIECES, 6);
        for separators in [&[][..], &['.']] {
            let Ok(compiled) = Glob::compile(&pattern, separators) else {
                continue;
            };
            let nodes = parse::parse(&pattern).unwrap();
            for _ in 0..4 {
                let text = random.text(&["a", "b", ".", "é"], 6);
                let chars: Vec<char> = text.chars().collect();
                let expected = plain(&nodes, &chars, separators).contains(&chars.len());
                assert_eq!(compiled.is_match(&text), expected, "{pattern:?} {separators:?} {text:?}");
            }
        }
    }
}

/// All lengths of the beginning of `text` that the nodes match: slow, but plainly the definition.
fn plain(nodes: &[parse::Node], text: &[char], separators: &[char]) -> Vec<usize> {
    use parse::Node;
    let Some((node, rest)) = nodes.split_first() else {
        return vec![0];
    };
    let single = |test: &dyn Fn(char) -> bool| match text.first() {
        Some(&char) if test(char) => vec![1],
        _ => vec![],
    };
    let run = |test: &dyn Fn(char) -> bool| {
        let longest = text.iter().take_while(|char| test(**char)).count();
        (0..=longest).collect()
    };
    let inside = |char: char| !separators.contains(&char);
    let lengths: Vec<usize> = match node {
        Node::Text(own) => {
            let own: Vec<char> = own.chars().collect();
            if text.starts_with(&own) { vec![own.len()] } else { vec![] }
        }
        Node::Star => run(&inside),
        Node::DoubleStar => run(&|_| true),
        Node::Single => single(&inside),
        Node::List { not, chars } => single(&|char| chars.contains(char) != *not),
        Node::Range { not, low, high } => single(&|char| (*low..=*high).contains(&char) != *not),
        Node::Choice(choices) => {
            let all = choices.iter();
            all.flat_map(|choice| plain(choice, text, separators)).collect()
        }
    };
    let mut ends: Vec<usize> = Vec::new();
    for length in lengths {
        let after = plain(rest, &text[length..], separators);
        ends.extend(after.into_iter().map(|end| length + end));
    }
    ends.sort_unstable();
    ends.dedup();
    ends
}

//! That the matcher and the engine mean the same, by tables and by random patterns over random texts.

use super::*;
use crate::regexp::Regexp;
use crate::testing::Random;

/// Begin and end of each named group of a match.
type Places = Option<Vec<Option<(usize, usize)>>>;

/// The groups as the engine finds them.
fn by_engine(pattern: &str, text: &str) -> Places {
    let regexp = Regexp::compile(pattern).unwrap();
    let captures = regexp.as_regex().captures(text)?;
    let named = regexp.names().enumerate().filter(|(_, name)| name.is_some());
    Some(named.map(|(group, _)| captures.get(group).map(|m| (m.start(), m.end()))).collect())
}

/// The groups as the program finds them alone; Err if it gives up.
fn by_program(matcher: &Matcher, text: &str) -> Result<Places, ()> {
    let program = matcher.0.program.as_ref().ok_or(())?;
    let mut groups = Groups::default();
    groups.state.slots.resize(matcher.groups().count() * 2, NOWHERE);
    let found = run::search(program, text, &mut groups.state).map_err(|_| ())?;
    Ok(found.then(|| matcher.groups().map(|(_, slot)| groups.at(slot)).collect()))
}

fn check(pattern: &str, text: &str) {
    let matcher = Matcher::compile(pattern).unwrap();
    let want = by_engine(pattern, text);
    if let Ok(got) = by_program(&matcher, text) {
        assert_eq!(got, want, "{pattern:?} on {text:?}");
    }
    let mut groups = Groups::default();
    let found = matcher.find(text, &mut groups).unwrap();
    let got = found.then(|| matcher.groups().map(|(_, slot)| groups.at(slot)).collect::<Vec<_>>());
    assert_eq!(got, want, "{pattern:?} on {text:?}");
}

#[test]
fn what_looks_at_the_whole_text_again_and_again_is_given_up() {
    for pattern in [r"(?P<a>.*?) (?P<b>.*) (?P<c>\d+)", r"(?P<a>[a-z]+)\d", r"(?P<a>[a-z]*?)\d", r"(?P<a>[a-zé]+?)\d"]
    {
        let matcher = Matcher::compile(pattern).unwrap();
        assert!(by_program(&matcher, &"a".repeat(50)).is_ok(), "{pattern}");
        assert!(by_program(&matcher, &"a".repeat(100_000)).is_err(), "{pattern}");
        check(pattern, &"a".repeat(10_000));
    }
}

#[test]
fn groups_are_where_the_engine_finds_them() {
    let texts = [
        "",
        "a",
        "ab",
        "aab",
        "aaab x=1",
        "x=1 y=22 z=333",
        "\"one\" \"two\"",
        "äöü=ß",
        "2021-12-24T18:30:05Z",
        "a.b.c.d",
        "[x] [y]",
        "a\nb\nc",
        "10.0.0.1:80",
        "--",
        "key: value, other",
        "日本語 text",
        "aaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    let patterns = [
        "(?P<a>a*)(?P<b>b?)",
        "(?P<a>a+?)(?P<b>a*)",
        "(?P<k>\\w+)=(?P<v>\\d+)",
        "\"(?P<q>.*?)\" \"(?P<r>.*)\"",
        "(?P<w>\\S+)$",
        "^(?P<x>.*?)(?P<y>=.*)?$",
        "(?P<y>\\d{2,4})-(?P<m>\\d+)",
        "(?P<a>(?:[a-z]\\.)*)(?P<z>[a-z])",
        "\\[(?P<i>[^]]*)\\]",
        "(?m)^(?P<l>.)$",
        "(?s)(?P<all>.+)",
        "(?P<ip>(?:\\d{1,3}\\.){3}\\d{1,3})(?::(?P<port>\\d+))?",
        "\\b(?P<w>\\w{2,})\\b",
        "(?P<a>a|ab)(?P<b>c|bcd)?",
        "(?P<u>[äß]+)",
        "(?P<n>[^=]+)=",
        "(?P<g>(?:a|b)+)",
        "(?P<e>)",
        "(?P<x>a{2}|a{1})(?P<y>a*)",
        "(?i)(?P<k>KEY)",
        "(?P<o>x)?(?P<p>=)",
        "(?:(?P<m>a)|b)+",
        "(?P<l>.{3}?)",
        "(?P<c>[語x])",
        "(?P<z>(?:a*)*)",
        "(?U)(?P<f>a+)",
        "\\Bb(?P<x>\\z|.)",
        "(?P<a>.)(?P<b>.)(?P<c>.*)",
        "(?P<s>[\\s\\S]{2,5})",
    ];
    for pattern in patterns {
        for text in texts {
            check(pattern, text);
        }
    }
}

#[test]
fn random_patterns_mean_the_same() {
    let parts = [
        "a",
        "b",
        "ab",
        "é",
        ".",
        "\\d",
        "\\w",
        "[^a]",
        "[ab]",
        "[é-ü1]",
        "\\b",
        "\\B",
        "^",
        "$",
        "(?P<g>a)",
        "(?P<h>\\w+)",
        "(a|b)",
        "(?:ab|a)",
        "(?:|b)",
        "=",
        " ",
        "(?P<i>.*?)",
        "(?P<j>.*)",
        "[^ ]",
    ];
    let repeats = ["", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?"];
    let letters = ["a", "b", "é", "1", " ", "=", "ü", "\n", "aa", "ab"];
    let mut random = Random(11);
    for _ in 0..800 {
        let mut pattern = String::new();
        for i in 0..1 + random.below(6) {
            if i > 0 && random.below(8) == 0 {
                pattern.push('|');
            }
            let part = parts[random.below(parts.len())];
            // An assertion cannot be repeated in Go.
            let repeat = if part.starts_with(['\\', '^', '$']) { "" } else { repeats[random.below(repeats.len())] };
            if part.chars().count() > 1 && !part.starts_with(['(', '[', '\\']) {
                pattern.push_str(&format!("(?:{part}){repeat}"));
            } else {
                pattern.push_str(part);
                pattern.push_str(repeat);
            }
        }
        if random.below(3) == 0 {
            pattern = format!("(?P<x>{pattern})+(?P<y>.)");
        }
        for _ in 0..4 {
            let text: String = (0..random.below(14)).map(|_| letters[random.below(letters.len())]).collect();
            check(&pattern, &text);
        }
    }
}

#[test]
fn hard_patterns_are_left_to_the_engine() {
    let text = "a".repeat(2000);
    let matcher = Matcher::compile("(?P<x>(?:a|aa)+)b").unwrap();
    assert!(by_program(&matcher, &text).is_err());
    let mut groups = Groups::default();
    assert!(!matcher.find(&text, &mut groups).unwrap());
    assert!(matcher.find(&(text + "b"), &mut groups).unwrap());
    assert_eq!(groups.at(0), Some((0, 2000)));
    assert!(Matcher::compile("(?P<x>(a*)*)").unwrap().0.program.is_none());
}

#[test]
fn a_text_that_is_needed_is_looked_for_first() {
    let needed = |pattern| Matcher::compile(pattern).unwrap().0.needed.as_ref().map(|f| f.needle().to_vec());
    assert_eq!(needed(r"\d+ status=(?P<s>\w+), end").as_deref(), Some(&b" status="[..]));
    assert_eq!(needed(r"(?:status=|x)(?P<s>\w+)"), None);
    assert_eq!(needed(r"(?:abc)?\d(?:de)+").as_deref(), Some(&b"de"[..]));
}

#[test]
fn patterns_in_use_are_shared() {
    let one = Matcher::compile("(?P<shared>x)").unwrap();
    let other = Matcher::compile("(?P<shared>x)").unwrap();
    assert!(Arc::ptr_eq(&one.0, &other.0));
    let weak = Arc::downgrade(&one.0);
    drop((one, other));
    assert!(weak.upgrade().is_none());
}

#[test]
fn mistakes_are_named() {
    let error = |pattern| Matcher::compile(pattern).unwrap_err().to_string();
    assert_eq!(error("(a"), r#"compile pattern "(a": missing closing )"#);
    assert!(error(r"\p{Nothing}").contains("property"), "{}", error(r"\p{Nothing}"));
}

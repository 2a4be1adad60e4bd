//! What is JSON and what is not, compared with serde_json, and escapes both ways.

use super::check::{check_from, guesses};
use super::*;

#[test]
fn documents() {
    let good = [
        "null",
        " 1 ",
        "[]",
        "{}",
        "[1,2.5,-0,1e3,1E-3]",
        "{\"a\":{\"b\":[true,false,null]}}",
        "\"\\u00e4\\n\\\"\"",
        "[[],{}]",
    ];
    for text in good {
        assert!(check(text).is_ok(), "{text}");
    }
    let bad = [
        "",
        " ",
        "nul",
        "01",
        "-",
        "1.",
        "1e",
        ".5",
        "+1",
        "1e999",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a",
        "\"\n\"",
        "[",
        "]",
        "{\"a\":1]",
        "[1}",
        "1 2",
        "tru",
        "NaN",
    ];
    for text in bad {
        assert!(check(text).is_err(), "{text}");
    }
    assert_eq!(check("{\"a\":1").unwrap_err().to_string(), "invalid JSON at byte 6: it ends within an object or array");
    assert_eq!(check("[{},7,{}]").map(|c| c.odd), Ok(Some(4)));
    assert_eq!(check("[{},{\"a\":[1]}]").map(|c| (c.odd, c.top)), Ok((None, Top::Array)));
    assert!(check(&"[".repeat(10_001)).is_err_and(|e| e.cause == "nested too deep"));
}

#[test]
fn escapes() {
    let read = |text: &str| {
        let mut out = String::new();
        unescape(text, &mut out);
        out
    };
    assert_eq!(read(r#"a\"b\\c\/d\n\u00e4\ud83d\ude00"#), "a\"b\\c/d\nä😀");
    assert_eq!(read(r"\ud83dx\ude00\ud83d\u0041"), "\u{fffd}x\u{fffd}\u{fffd}A");
    let write = |text: &str| {
        let mut out = Vec::new();
        escape(text, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        write("a<b>&\"\\\n\t\r\u{8}\u{c}\u{1}é\u{2028}\u{2026}"),
        r#""a\u003cb\u003e\u0026\"\\\n\t\r\b\f\u0001é\u2028…""#
    );
}

#[test]
fn random_texts_are_judged_as_by_serde_json() {
    let mut seed = 11u64;
    let mut next = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let parts = [
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "1", "-2.5", "e3", "true", "null", " ", "\\u0041", "\\", "0", "ä",
        "\"k\":",
    ];
    for _ in 0..50_000 {
        let text: String = (0..next(12)).map(|_| parts[next(parts.len())]).collect();
        let judged = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        assert_eq!(check(&text).is_ok(), judged, "{text:?}");
        if let Some(tree) = Tree::parse(&text) {
            let mut out = Vec::new();
            tree.write(&mut out);
            let again = Tree::parse(std::str::from_utf8(&out).unwrap());
            assert_eq!(again.as_ref(), Some(&tree), "{text:?}");
        }
        let _ends = (value_end(text.as_bytes(), 0), string_end(text.as_bytes(), 0));
    }
}

#[test]
fn a_check_by_several_says_what_a_check_by_one_says() {
    let pieces = [
        "{\"a\":1}",
        ",",
        "},{",
        " ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        "{\"t\":\"},{\"}",
        ",{\"b\":[{},{}]}",
        "7",
        "\n",
        "null",
    ];
    let mut seed = 7u64;
    let mut next = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    let mut good = 0;
    for round in 0..10_000 {
        // Mostly good ones: one change at most in a list of objects.
        let mut parts: Vec<&str> = (0..next(9)).map(|_| pieces[[0, 10][next(2)]]).collect();
        if round % 2 == 0 && !parts.is_empty() {
            let at = next(parts.len());
            parts[at] = pieces[next(pieces.len())];
        }
        let text = format!("[{}]{}", parts.join(" ,"), if next(9) == 0 { pieces[next(pieces.len())] } else { "" });
        let alone = check(&text);
        let mut places: Vec<usize> = (0..next(4)).map(|_| next(text.len() + 1)).collect();
        places.sort_unstable();
        places.dedup();
        for guesses in [guesses(&text, 1 + next(5)), places] {
            let several = check_from(&text, &guesses);
            let same = |c: &Checked| (c.top, c.from, c.odd);
            assert_eq!(several.as_ref().map(same), alone.as_ref().map(same), "{text} from {guesses:?}");
            let Ok(several) = several else { continue };
            good += 1;
            // At marks elements begin.
            for &mark in &several.marks {
                let before = serde_json::from_str::<Vec<serde_json::Value>>(&format!("{}0]", &text[..mark]));
                assert!(before.is_ok(), "{text} at {mark}");
            }
        }
    }
    assert!(good > 3_000, "{good}");
}

//! Expressions and their results, and that nothing runs away.

use super::*;

const INPUT: &str = r#"{
    "account": {"name": "Fir", "orders": [
        {"id": "o1", "items": [{"name": "hat", "price": 34.45, "n": 2, "colour": "red"}, {"name": "cap", "price": 21.67, "n": 1}]},
        {"id": "o2", "items": [{"name": "hat", "price": 34.45, "n": 4}, {"name": "coat", "price": 107.99, "n": 1, "colour": "black"}]}
    ]},
    "numbers": [3, 1, 2], "one": [7], "empty": [], "text": "The quick fox", "a key": 5, "deep": {"x": {"y": 1}}, "none": null
}"#;

fn run(expression: &str) -> Result<String> {
    let result = Expression::compile(expression)?.evaluate(Tree::parse(INPUT).unwrap())?;
    let mut out = Vec::new();
    result.write(&mut out);
    Ok(String::from_utf8(out)?)
}

#[test]
fn expressions() {
    let cases = [
        ("account.name", "\"Fir\""),
        ("account.orders.id", "[\"o1\",\"o2\"]"),
        ("account.orders.items.name", r#"["hat","cap","hat","coat"]"#),
        ("account.orders.items[0].name", r#"["hat","hat"]"#),
        ("(account.orders.items)[0].name", "\"hat\""),
        ("account.orders.items[-1].name", r#"["cap","coat"]"#),
        ("account.orders.items[price > 50].name", "\"coat\""),
        ("account.orders.items[price > 50][].name", "[\"coat\"]"),
        ("account.orders.items[colour].name", r#"["hat","coat"]"#),
        ("$sum(account.orders.items.(price * n))", "336.36"),
        ("$sum([])", "0"),
        ("account.orders.items{name: $sum(n)}", r#"{"cap":1,"coat":1,"hat":6}"#),
        ("account.orders.items^(>price, name).name", r#"["coat","hat","hat","cap"]"#),
        ("account.orders.{id: $count(items)}", r#"[{"o1":2},{"o2":2}]"#),
        ("account.orders.[id, items[0].n]", r#"[["o1",2],["o2",4]]"#),
        ("numbers[1]", "1"),
        ("numbers[[0, 2]]", "[3,2]"),
        ("numbers[[0..1]]", "[3,1]"),
        ("one", "[7]"),
        ("one[0]", "7"),
        ("`a key` + 1", "6"),
        ("$.\"a key\"", "5"),
        ("deep.*.y", "1"),
        ("deep.**.y", "1"),
        ("$$.deep.x", "{\"y\":1}"),
        ("none", "null"),
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("-(2 + 3) % 3", "-2"),
        ("\"a\" & 1 & true & none & missing", "\"a1truenull\""),
        ("1 = 1 and \"a\" != \"b\" or 1/0", "true"),
        ("2 in numbers", "true"),
        ("numbers > 1 ? 1 : 2", ""),
        ("$max(numbers) > 2 ? \"big\" : \"small\"", "\"big\""),
        ("{\"a\": missing, \"b\": [missing, 1], \"c\": \"x<y\"}", "{\"b\":[1],\"c\":\"x\\u003cy\"}"),
        ("[1..3, 7]", "[1,2,3,7]"),
        ("(3; $x := 4; $x * 2)", "8"),
        ("($f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(10))", "3628800"),
        ("$map(numbers, function($v, $i) { $v * 10 + $i })", "[30,11,22]"),
        ("$filter(numbers, function($v) { $v > 1 })", "[3,2]"),
        ("$reduce(numbers, function($a, $b) { $a + $b }, 10)", "16"),
        ("numbers ~> $sort ~> $reverse", "[3,2,1]"),
        ("$sort(account.orders.items, function($a, $b) { $a.price > $b.price }).name", r#"["cap","hat","hat","coat"]"#),
        ("($add := function($a, $b) { $a - $b }; $less := $add(?, 2); $less(10))", "8"),
        ("($up := $trim ~> $uppercase; $up(\"  a   b \"))", "\"A B\""),
        ("text ~> $split(\" \")", r#"["The","quick","fox"]"#),
        ("$join(text.$split(\" \"), \"-\")", "\"The-quick-fox\""),
        ("$substring(text, 4, 5)", "\"quick\""),
        ("$substring(text, -3)", "\"fox\""),
        ("$substringBefore(text, \" \") & $substringAfter(text, \"k \")", "\"Thefox\""),
        ("text.$length()", "13"),
        ("$pad(\"x\", 4, \"-+\") & $pad(\"7\", -3, \"0\")", "\"x-+-007\""),
        ("$contains(text, /Q.ick/i)", "true"),
        ("$match(text, /(\\w)(\\w+)/)[1].groups", r#"["q","uick"]"#),
        ("$replace(text, /(\\w+) (\\w+)/, \"$2 $1!\")", "\"quick The! fox\""),
        ("$replace(\"a.b.c\", \".\", \"-\", 1)", "\"a-b.c\""),
        ("$replace(\"abc\", /b/, function($m) { $uppercase($m.match) })", "\"aBc\""),
        ("$keys(deep) & $string($lookup(deep, \"x\"))", "\"x{\\\"y\\\":1}\""),
        ("$merge([{\"a\": 1}, {\"b\": 2, \"a\": 3}])", "{\"a\":3,\"b\":2}"),
        ("$each(deep, function($v, $k) { $k & $v.y })", "\"x1\""),
        ("$sift($, function($v, $k) { $k = \"one\" })", "{\"one\":[7]}"),
        ("$spread({\"a\": 1, \"b\": 2})", "[{\"a\":1},{\"b\":2}]"),
        ("$zip([1, 2], [\"a\", \"b\"])", "[[1,\"a\"],[2,\"b\"]]"),
        ("$distinct([1, 2, 1])", "[1,2]"),
        ("$append(numbers, 9)", "[3,1,2,9]"),
        ("$round(2.5) + $round(3.456, 2) + $floor(1.9) + $abs(-2) + $sqrt(16) + $power(2, 3)", "20.46"),
        ("$number(\"12.5\") + $number(true)", "13.5"),
        ("$formatBase(255, 16)", "\"ff\""),
        ("$type(numbers) & $type(none) & $exists(missing)", "\"arraynullfalse\""),
        ("$base64encode(\"ab\") & $base64decode(\"YWJj\")", "\"YWI=abc\""),
        ("$encodeUrlComponent(\"a b/ä\") & $decodeUrl(\"%C3%A4\")", "\"a+b%2F%C3%A4ä\""),
        ("$toMillis(\"2020-09-13T12:26:40.500Z\")", "1600000000500"),
        ("$fromMillis(1600000000500)", "\"2020-09-13T12:26:40.500Z\""),
        (
            "$fromMillis(1600000000500, \"[D01].[M01].[Y0001]\") & $fromMillis(0, \"[H01][m]\", \"-0130\")",
            "\"13.09.20202230\"",
        ),
        ("$fromMillis(1600000000500, missing, \"+0200\")", "\"2020-09-13T14:26:40.500+02:00\""),
        ("deep ~> |x|{\"z\": y + 1}, \"y\"|", "{\"x\":{\"z\":2}}"),
        ("/* a comment */ $average(numbers) + $min(numbers) + $count(empty)", "3"),
        ("($not(0) and $boolean([0, 1])) ? $string(1.50)", "\"1.5\""),
        // One element stays an array where it is collected by a function or made a member; nothing is false, null or an empty array.
        ("$map([1], function($v) {$v})", "[1]"),
        ("$filter([1, 2, 3], function($v) {$v > 2})", "[3]"),
        ("{\"a\": $filter([1], function($v) {$v > 2}), \"b\": $match(\"x\", /z/)}", "{\"a\":null,\"b\":[]}"),
        ("[1, 2].{\"v\": $, \"w\": $type($)}", "[{\"v\":[1],\"w\":\"array\"},{\"v\":[2],\"w\":\"array\"}]"),
        ("[missing < 1, \"a\" >= missing]", "[false,false]"),
        ("[$not(missing), $not($not(missing))]", "[true,false]"),
        ("{\"a\": $lookup(deep, \"none\")}", "{\"a\":null}"),
        ("$uppercase(\"straße\") & $type()", "\"STRAßEobject\""),
        (
            "$formatNumber(-1234.567, \"$#,##0.0\") & $formatNumber(12, \"0,0\", {\"grouping-separator\": \",\"})",
            "\"-$1,234.61,2\"",
        ),
    ];
    let mut wrong = Vec::new();
    for (expression, want) in cases {
        match run(expression) {
            Ok(got) if got == want => {}
            Err(_) if want.is_empty() => {}
            other => wrong.push(format!("{expression}: {other:?}, not {want}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mistakes() {
    for expression in [
        "",
        "a.",
        "(1",
        "[1",
        "{\"a\" 1}",
        "1 +",
        "$f := ",
        "a[",
        "\"x",
        "/x",
        "function($a {1}",
        "1 2",
        "a ? ",
        "/* x",
        "a{",
    ] {
        assert!(Expression::compile(expression).is_err(), "{expression}");
    }
    for expression in [
        "1 + \"a\"",
        "$sum(text)",
        "$nothing(1)",
        "text()",
        "{1: 2}",
        "$number(\"x\")",
        "-text",
        "$substring()",
        "$error(\"no\")",
    ] {
        let e = run(expression).expect_err(expression);
        assert!(!e.is::<Undefined>(), "{expression}: {e:#}");
    }
    for expression in ["missing", "numbers[9]", "empty.x", "missing.a.b", "$uppercase(missing)"] {
        assert!(run(expression).expect_err(expression).is::<Undefined>(), "{expression}");
    }
    let e = Expression::compile("a.b +\n c d").expect_err("two names in a row");
    assert!(format!("{e:#}").starts_with("line 2, behind"), "{e:#}");
}

#[test]
fn nothing_runs_away() {
    for expression in [
        "($f := function() { $f() }; $f())",
        "($f := function($n) { $f($n & $n) }; $f(\"ab\"))",
        "$map([1..100000], function($a) { $map([1..100000], function($b) { $a * $b }) })",
        "$pad(\"x\", 1e15)",
        "[1..1e12]",
        "$distinct([1..1000000])",
        "$reduce([1..100], function($a, $b) { $a & $a }, \"xxxxxxxxxxxxxxxx\")",
    ] {
        assert!(run(expression).is_err(), "{expression}");
    }
    assert!(Expression::compile(&"(".repeat(10_000)).is_err());
    assert!(Expression::compile(&format!("1{}", "+1".repeat(10_000))).is_err());
}

#[test]
fn random_texts_never_panic() {
    let mut seed = 3u64;
    let mut next = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let parts = [
        "a",
        "numbers",
        ".",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ":",
        ",",
        "$",
        "$x",
        ":=",
        "function($x){$x}",
        "1",
        "-",
        "*",
        "**",
        "?",
        "\"s\"",
        "~>",
        "$map",
        "$sum",
        "^",
        "<",
        ">",
        "|",
        "/a/",
        "%",
        "..",
        "&",
        " ",
        ";",
        "ä",
        "$split(text,\"\")",
        "account",
        "orders",
    ];
    for _ in 0..30_000 {
        let text: String = (0..next(12)).map(|_| parts[next(parts.len())]).collect();
        let _result = run(&text);
    }
}

//! What is read, what is refused, and where.

use super::*;

fn parse(text: &str) -> (Table, Vec<String>) {
    let (table, problems) = read(&Text::new(0, text, false));
    let place = |p: &Problem| {
        let (line, column) = crate::config::errors::position(text, p.span.unwrap().from as usize);
        format!("{line}:{column}: {}", p.message)
    };
    (table, problems.iter().map(place).collect())
}

/// A table as JSON, for comparison; floats and dates as texts.
fn plain(table: &Table) -> serde_json::Value {
    let entries = table.entries().iter().map(|e| (e.key.clone(), json(&e.item.value)));
    serde_json::Value::Object(entries.collect())
}

fn json(value: &Setting) -> serde_json::Value {
    match value {
        Setting::Str(v) => v.as_str().into(),
        Setting::Int(v) => (*v).into(),
        Setting::Float(v) => format!("{v:?}").into(),
        Setting::Bool(v) => (*v).into(),
        Setting::Datetime(v) => format!("@{v}").into(),
        Setting::Array(list) => list.iter().map(|i| json(&i.value)).collect(),
        Setting::Table(table) => plain(table),
    }
}

#[track_caller]
fn reads(text: &str, want: &str) {
    let (table, problems) = parse(text);
    assert_eq!(problems, [""; 0], "{text}");
    assert_eq!(plain(&table), serde_json::from_str::<serde_json::Value>(want).unwrap(), "{text}");
}

#[track_caller]
fn refuses(text: &str, want: &[&str]) {
    assert_eq!(parse(text).1, want, "{text}");
}

#[test]
fn numbers() {
    reads("a = 1\nb=-2\nc = +3\nd = 1_000\ne = 0\nf = -0", r#"{"a":1,"b":-2,"c":3,"d":1000,"e":0,"f":0}"#);
    reads("a = 0xDEAD_beef\nb = 0o17\nc = 0b101", r#"{"a":3735928559,"b":15,"c":5}"#);
    reads("a = 5e-1\nb = 0.2_5\nc = 7.5E-1\nd = 1e+2", r#"{"a":"0.5","b":"0.25","c":"0.75","d":"100.0"}"#);
    reads("a = -inf\nb = nan\nc = -0.0", r#"{"a":"-inf","b":"NaN","c":"-0.0"}"#);
    for bad in ["1_", "_1", "1__0", "01", "1.", ".5", "1.e5", "1e", "0x", "9223372036854775808", "1_.5", "truee", "10s"]
    {
        refuses(&format!("a = {bad}"), &[&format!("1:5: invalid value {bad:?}")]);
    }
}

#[test]
fn dates() {
    for good in [
        "1979-05-27",
        "07:32:00",
        "07:32:00.999",
        "1979-05-27T07:32:00",
        "1979-05-27 07:32:00Z",
        "1979-05-27t07:32:00.5-07:00",
        "1979-05-27T23:59:60z",
    ] {
        reads(&format!("a = {good} # c\nb = 1"), &format!(r#"{{"a":"@{good}","b":1}}"#));
    }
    for bad in ["1979-13-01", "1979-05-27T25:00:00", "07:32", "1979-05-27T07:32:00+1"] {
        refuses(&format!("a = {bad}"), &[&format!("1:5: invalid value {bad:?}")]);
    }
}

#[test]
fn texts() {
    reads(r#"a = "tab\there \"q\" \\ \u00e9\U0001F600""#, r#"{"a":"tab\there \"q\" \\ é😀"}"#);
    reads(r"a = 'C:\new' # '", r#"{"a":"C:\\new"}"#);
    reads("a = \"\t\"\nb = \"\"\nc = ''", r#"{"a":"\t","b":"","c":""}"#);
    reads("a = \"\"\"\n\n\r\none\n two\"\"\"", r#"{"a":"one\n two"}"#);
    reads("a = '''\n\none\\n'''", r#"{"a":"one\\n"}"#);
    reads("a = \"\"\"x \\  \n   y\"\"\"", r#"{"a":"x y"}"#);
    reads("a = \"\"\"say \"\"hi\"\"\"\"\"\nb = 1", r#"{"a":"say \"\"hi\"\"","b":1}"#);
    reads("a = ''''x''''\nb = ''''''", r#"{"a":"'x'","b":""}"#);
}

#[test]
fn bad_texts() {
    refuses(
        r#"a = "C:\dir\x" b = 1"#,
        &[r#"1:8: invalid escape "\\d" in a text"#, r#"1:12: invalid escape "\\x" in a text"#],
    );
    refuses(r#"a = "\u12" "#, &[r#"1:6: invalid escape "\\u" in a text"#]);
    refuses(r#"a = "\ud800""#, &[r#"1:6: invalid escape "\\ud800" in a text"#]);
    refuses("a = \"x\nb = 1", &["1:5: text without end: the closing quotation mark is missing"]);
    refuses("a = 'x\nb = 1", &["1:5: text without end: the closing quotation mark is missing"]);
    refuses("a = \"\"\"x\n y\"\"", &["1:5: text without end: the closing quotation mark is missing"]);
    refuses("a = \"\u{1}\"", &["1:6: control character U+0001 in a text"]);
}

#[test]
fn lists_and_tables_as_values() {
    reads("a = [ # c\n 1, # d\n 2,\n ]\nb = []", r#"{"a":[1,2],"b":[]}"#);
    reads("a = { b = 1, 'c' = [ { d = \"x\" } ], }", r#"{"a":{"b":1,"c":[{"d":"x"}]}}"#);
    reads("a = {\n b = 1,\n # c\n c.d = 2\n}", r#"{"a":{"b":1,"c":{"d":2}}}"#);
    reads("a = [1, \"x\", [2]]", r#"{"a":[1,"x",[2]]}"#);
    refuses("a = [1 2]", &["1:8: expected \",\" or \"]\" in the list that begins on line 1"]);
    refuses("a = { b = 1 c = 2 }", &["1:13: expected \",\" or \"}\" in the table"]);
    refuses("a = [1,", &["1:5: list without end"]);
    refuses("a = {", &["1:5: table without end"]);
    refuses("a = { b = 1, b = 2 }\nc = 3", &["1:14: key \"b\" is given twice"]);
}

#[test]
fn keys_and_headers() {
    reads("\"a b\" = 1\n'c.d' = 2\ne-f_1 = 3\ngröße = 4", r#"{"a b":1,"c.d":2,"e-f_1":3,"größe":4}"#);
    reads("a.b.c = 1\na.b.d = 2", r#"{"a":{"b":{"c":1,"d":2}}}"#);
    reads("[a . b]\nc = 1\r\n[ \"x\".'y' ]\r\nz = 2", r#"{"a":{"b":{"c":1}},"x":{"y":{"z":2}}}"#);
    reads("[a] b = true c = \"1ns\" [d]e=1", r#"{"a":{"b":true,"c":"1ns"},"d":{"e":1}}"#);
    reads("[a.b]\nc = 1\n[a]\nd = 2", r#"{"a":{"b":{"c":1},"d":2}}"#);
    reads(
        "[[p.x]]\na = 1\n[p.x.t]\nk = 1\n[[p.x]]\n[[p.x.l]]\nm = 1\n[[p.x.l]]\n[p.x.t]\nk = 2",
        r#"{"p":{"x":[{"a":1,"t":{"k":1}},{"l":[{"m":1},{}],"t":{"k":2}}]}}"#,
    );
}

#[test]
fn conflicts() {
    refuses("a = 1\na = 2", &["2:1: key \"a\" is given twice"]);
    refuses("[a]\nx = 1\n[a]\ny = 1", &["3:1: table \"a\" is given twice"]);
    refuses("[a]\n[[a]]", &["2:3: \"a\" is something else already"]);
    refuses("[[a]]\n[a]", &["2:2: \"a\" is something else already"]);
    refuses("[a.b]\n[[a]]", &["2:3: \"a\" is something else already"]);
    refuses("a = 1\n[a.b]", &["2:2: \"a\" is something else already"]);
    refuses("a = { b = 1 }\n[a.c]", &["2:2: \"a\" is something else already"]);
    refuses("[a]\nb = [{}]\n[[a.b]]", &["3:5: \"b\" is something else already"]);
    refuses("[a.b]\n[a]\nb.c = 1", &["3:1: \"b\" is something else already"]);
}

#[test]
fn goes_on_after_a_mistake() {
    refuses(
        "[[inputs.file]\n  files = [\"a\"\n  data_format = \"x\"\n[[o.f]]\n = 5\nf = $X\n[good]\na = 1",
        &[
            "1:1: expected \"]]\" at the end of the header",
            "3:3: expected \",\" or \"]\" in the list that begins on line 2",
            "5:2: expected a key, found \"=\"",
            "6:5: invalid value \"$X\"",
        ],
    );
    let (table, _) = parse("[a]\nx = 1\n[[bad]\ny = 2\n[b]\nz = [1\n 2\n]\nw = 3");
    assert_eq!(plain(&table), serde_json::json!({"a": {"x": 1}, "b": {"w": 3}}));
}

#[test]
fn places_are_those_of_the_text() {
    let text = "[a]\nkey = [ 'é', 12 ]\n";
    let (table, _) = parse(text);
    let part = |span: Span| &text[span.from as usize..span.to as usize];
    let Setting::Table(a) = &table.get("a").unwrap().value else { panic!("no table") };
    assert_eq!(part(a.span), "[a]");
    let entry = &a.entries()[0];
    assert_eq!((part(entry.at), part(entry.item.span)), ("key", "[ 'é', 12 ]"));
    let Setting::Array(list) = &entry.item.value else { panic!("no list") };
    assert_eq!((part(list[0].span), part(list[1].span)), ("'é'", "12"));
}

#[test]
fn nesting_and_size_are_bounded() {
    let deep = format!("a = {}", "[".repeat(100_000));
    assert_eq!(parse(&deep).1.len(), 1);
    let deep = format!("a = {}", "{a=".repeat(100_000));
    assert_eq!(parse(&deep).1.len(), 1);
    let long = format!("[{}a]\n", "a.".repeat(100_000));
    assert_eq!(parse(&long).1.len(), 1);
    let many: String = (0..20_000).map(|i| format!("k{i} = 1\n")).collect();
    assert_eq!(parse(&many).1.len(), MISTAKES);
}

/// Texts made of TOML's own pieces in random order: the reader must end without a panic, and with every place in the text.
#[test]
fn random_texts_are_read_to_their_end() {
    const PIECES: [&str; 34] = [
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "\r\n",
        " ",
        "#",
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "\\",
        "\\u",
        "a",
        "b",
        "key",
        "1",
        "0x",
        "1979-05-27",
        " 07:32:00",
        "e5",
        "_",
        "true",
        "é",
        "😀",
        "\u{1}",
        "${A}",
        "-inf",
    ];
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for round in 0..20_000 {
        let mut text = String::new();
        for _ in 0..round % 60 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text.push_str(PIECES[(seed % PIECES.len() as u64) as usize]);
        }
        let (_, problems) = read(&Text::new(0, &text, false));
        for problem in problems {
            let span = problem.span.unwrap();
            assert!(text.get(span.from as usize..span.to as usize).is_some(), "{text:?}: {problem:?}");
        }
    }
}

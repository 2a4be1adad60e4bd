//! Paths and what they lead to.

use super::*;

const INPUT: &str = r#"{
  "name": {"first": "Ada", "last": "Byron"}, "age": 37, "kids": ["Ann", "Bo", "Cy"], "fav.dish": "tart",
  "friends": [
    {"first": "Dot", "last": "Moss", "age": 44, "nets": ["ig", "fb"], "on": true},
    {"first": "Eve", "last": "Reed", "age": 68, "nets": ["fb", "tw"], "on": false},
    {"first": "Joy", "last": "Moss", "age": 47, "nets": ["ig", "tw"]}
  ],
  "n\u00e4": "q\"uoted\n", "none": null, "empty": [], "7": "seven", "grid": [[1, 2], [3, [4]]]
}"#;

#[test]
fn paths() {
    let cases = [
        ("name.last", "\"Byron\""),
        ("age", "37"),
        ("kids", r#"["Ann", "Bo", "Cy"]"#),
        ("kids.#", "3"),
        ("kids.1", "\"Bo\""),
        ("kids.9", ""),
        ("kids.x", ""),
        ("k*.2", "\"Cy\""),
        ("a?e", "37"),
        ("na*.fi*", "\"Ada\""),
        ("fav\\.dish", "\"tart\""),
        ("nä", "\"q\\\"uoted\\n\""),
        ("7", "\"seven\""),
        ("missing.x", ""),
        ("age.x", ""),
        ("friends.#.first", r#"["Dot","Eve","Joy"]"#),
        ("friends.#.on", "[true,false]"),
        ("friends.1.last", "\"Reed\""),
        ("friends.#.nets.0", r#"["ig","fb","ig"]"#),
        ("friends.#.nets.#", "[2,2,2]"),
        ("friends.#.missing", "[]"),
        ("friends.#(last==\"Moss\").first", "\"Dot\""),
        ("friends.#(last==\"Moss\")#.first", r#"["Dot","Joy"]"#),
        ("friends.#(last==\"Moss\")#.first|0", "\"Dot\""),
        ("friends.#(last==\"Moss\")#|0.first", "\"Dot\""),
        ("friends.#(last=\"Moss\")#|#", "2"),
        ("friends.#(age>45)#.last", r#"["Reed","Moss"]"#),
        ("friends.#(age<=44).first", "\"Dot\""),
        ("friends.#(first%\"D*\").last", "\"Moss\""),
        ("friends.#(first!%\"D*\").last", "\"Reed\""),
        ("friends.#(first!=\"Dot\")#.first", r#"["Eve","Joy"]"#),
        ("friends.#(on)#.first", r#"["Dot","Eve"]"#),
        ("friends.#(on==true).first", "\"Dot\""),
        ("friends.#(on==~false)#.first", r#"["Eve","Joy"]"#),
        ("friends.#(on==~null)#.first", "[\"Joy\"]"),
        ("friends.#(nets.#(==\"tw\"))#.first", r#"["Eve","Joy"]"#),
        ("friends.#(age>45)#.{first,age}", r#"[{"first":"Eve","age":68},{"first":"Joy","age":47}]"#),
        ("friends.#(on)#.nets.@reverse", r#"[["fb","ig"],["tw","fb"]]"#),
        ("friends.#(on)#.nets|@reverse", r#"[["fb", "tw"],["ig", "fb"]]"#),
        ("age.@values", "[37]"),
        ("age.nope.@values", ""),
        ("fav\\.dish.@fromstr", ""),
        ("friends.#(last==\"None\")", ""),
        ("friends.#(last==\"None\")#", "[]"),
        ("kids.#(%\"*o\")", "\"Bo\""),
        ("kids.#(!=\"Bo\")#", r#"["Ann","Cy"]"#),
        ("friends|@reverse|0.first", "\"Joy\""),
        ("friends.@reverse.0.first", "\"Joy\""),
        ("kids|@reverse", r#"["Cy","Bo","Ann"]"#),
        ("name.@reverse", r#"{"last":"Byron","first":"Ada"}"#),
        ("name|@this|first", "\"Ada\""),
        ("name.@keys", r#"["first","last"]"#),
        ("name.@values", r#"["Ada","Byron"]"#),
        ("grid.@flatten", "[1,2,3,[4]]"),
        ("grid.@flatten:{\"deep\":true}", "[1,2,3,4]"),
        ("friends.#.{first,age}|@join", r#"{"first":"Joy","age":47}"#),
        (
            "[name,!{\"first\":\"Zed\"}].@join:{\"preserve\":true}.@ugly",
            r#"{"first":"Ada","last":"Byron","first":"Zed"}"#,
        ),
        ("name|@ugly", r#"{"first":"Ada","last":"Byron"}"#),
        ("name.first.@tostr", "\"\\\"Ada\\\"\""),
        ("name.first.@tostr.@fromstr", "\"Ada\""),
        ("{id:kids,n:friends.#.age}.@group", r#"[{"id":"Ann","n":44},{"id":"Bo","n":68},{"id":"Cy","n":47}]"#),
        ("@dig:first", r#"["Ada","Dot","Eve","Joy"]"#),
        ("{name.first,age,\"old\":friends.#(age>60).first}", r#"{"first":"Ada","age":37,"old":"Eve"}"#),
        ("[name.first,missing,age]", r#"["Ada",37]"#),
        ("{name.first,x:!\"lit\",n:!5}", r#"{"first":"Ada","x":"lit","n":5}"#),
        ("friends.0.{first,nets.#}", r#"{"first":"Dot","_":2}"#),
        ("friends.#.[age,on]", "[[44,true],[68,false],[47]]"),
        ("none", "null"),
        ("@valid.age", "37"),
        ("@nothing", ""),
        ("", ""),
    ];
    for (path, want) in cases {
        assert_eq!(find(INPUT, path).raw(), want, "{path}");
    }
    let lines = "{\"a\":1}\n{\"a\":2}\n[3]";
    assert_eq!(find(lines, "..#").raw(), "3");
    assert_eq!(find(lines, "..1.a").raw(), "2");
    assert_eq!(find(lines, "..#.a").raw(), "[1,2]");
    assert_eq!(find(INPUT, "name|@pretty").raw(), "{\n  \"first\": \"Ada\",\n  \"last\": \"Byron\"\n}\n");
    assert_eq!(find("[{},[]]", "@pretty:{\"indent\":\" \"}").raw(), "[\n {},\n []\n]\n");
}

#[test]
fn values() {
    let found = find(INPUT, "nä");
    assert_eq!((found.kind(), found.text().as_ref()), (Kind::Text, "q\"uoted\n"));
    assert_eq!(find(INPUT, "age").number(), 37.0);
    assert_eq!(find(INPUT, "none").kind(), Kind::Null);
    let places = |path: &str| find(INPUT, path).places(INPUT).iter().map(|at| &INPUT[*at..*at + 4]).collect::<Vec<_>>();
    assert_eq!(places("friends.#.nets.#(%\"t*\")"), ["\"tw\"", "\"tw\""]);
    assert_eq!(places("name.first"), ["\"Ada"]);
    assert!(places("name.@ugly.first").is_empty() && places("missing").is_empty());
    assert!(!find(INPUT, "friends.3").exists());
    assert!(find(INPUT, "kids").is_array() && find(INPUT, "name").is_object());
}

#[test]
fn random_paths_and_texts_never_panic() {
    let mut seed = 9u64;
    let mut next = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let parts = [
        "name",
        ".",
        "|",
        "#",
        "#(",
        ")",
        "#.",
        "@reverse",
        "@flatten:",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "*",
        "?",
        "\\",
        "0",
        "==",
        "~true",
        "!",
        "ä",
        "..",
        "@dig:",
        "@pretty",
        "@group",
        "@join",
        "friends",
        "first",
        "%",
        "@keys",
        "@tostr",
        "@fromstr",
    ];
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"name\":",
        "\"",
        "1",
        "\\",
        "ä",
        " ",
        "null",
        "{\"first\":[1,{\"a\":2}]}",
    ];
    for _ in 0..40_000 {
        let path: String = (0..next(10)).map(|_| parts[next(parts.len())]).collect();
        let text: String = (0..next(10)).map(|_| pieces[next(pieces.len())]).collect();
        for text in [text.as_str(), INPUT] {
            let found = find(text, &path);
            let _seen = (found.text(), found.number(), found.kind());
        }
    }
}

//! The engine on small documents; what is said of Telegraf's library was seen in recorded runs or follows from its documentation.

use super::*;

/// Reads a little XML: elements, attributes in single quotes, texts, comments.
fn document(text: &str) -> Document {
    let mut builder = Builder::new(|document, node| document.inner_text(node));
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        if open > 0 {
            builder.leaf(Kind::Text, &rest[..open]).unwrap();
        }
        let close = open + rest[open..].find('>').unwrap();
        let tag = &rest[open + 1..close];
        rest = &rest[close + 1..];
        if let Some(comment) = tag.strip_prefix("!--") {
            builder.leaf(Kind::Comment, comment.trim_end_matches("--")).unwrap();
        } else if tag.starts_with('/') {
            builder.close();
        } else {
            let (inner, empty) = tag.strip_suffix('/').map_or((tag, false), |t| (t, true));
            let (name, mut attributes) = inner.split_once(' ').unwrap_or((inner, ""));
            let (prefix, local) = name.split_once(':').unwrap_or(("", name));
            let id = builder.open(local).unwrap();
            if !prefix.is_empty() {
                builder.set_space(id, prefix, &format!("urn:{prefix}")).unwrap();
            }
            while let Some((name, value)) = attributes.split_once("='") {
                let (value, more) = value.split_once('\'').unwrap();
                builder.attribute(name.trim(), value).unwrap();
                attributes = more;
            }
            if empty {
                builder.close();
            }
        }
    }
    builder.finish(Data::None)
}

const HOUSE: &str = "<house name='fern'><bed no='1'><plant>mint</plant><temp>21.5</temp></bed>\
    <bed no='2'><plant>sage</plant><temp>19</temp><temp>20</temp></bed>\
    <x:shed><bed no='3'/></x:shed><!--old--><note>a<b>b</b>c</note></house>";

fn at(document: &Document, query: &str, node: NodeId, root: NodeId) -> String {
    let query = Expression::compile(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    match query.answer(document, node, root, &Work::new(100_000)) {
        Ok(Answer::Node(Some(_))) => {
            let nodes = query.select(document, node, root, &Work::new(100_000)).unwrap();
            let texts: Vec<_> = nodes.iter().map(|&n| document.text(n)).collect();
            texts.join("|")
        }
        Ok(Answer::Node(None)) => "nothing".to_owned(),
        Ok(Answer::Number(number)) => format!("{number}"),
        Ok(Answer::Text(text)) => format!("{text:?}"),
        Ok(Answer::Bool(value)) => value.to_string(),
        Err(fault) => format!("fault: {fault}"),
    }
}

fn ask(query: &str) -> String {
    let document = document(HOUSE);
    at(&document, query, document.root(), document.root())
}

fn all(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        assert_eq!(ask(query), *expected, "{query}");
    }
}

#[test]
fn paths() {
    all(&[
        ("/house/@name", "fern"),
        ("house/bed/plant", "mint|sage"),
        ("/house/bed[2]/temp", "19|20"),
        ("//bed/@no", "1|2|3"),
        ("//bed[@no='2']/plant/text()", "sage"),
        ("/house/*/plant", "mint|sage"),
        ("/house/x:shed/bed/@no", "3"),
        ("/house/shed", "nothing"),
        ("/house/x:*/bed/@no", "3"),
        ("//note", "abc"),
        ("/house/node()[last()]", "abc"),
        ("/house/comment()", "old"),
        ("//bed[plant]/@no", "1|2"),
        ("//bed[not(plant)]/@no", "3"),
        ("//temp/..", "mint21.5|sage1920|sage1920"),
        ("//b/ancestor::*", "abc|mint21.5sage1920abc"),
        ("//bed[2]/following-sibling::note", "abc"),
        ("//note/preceding-sibling::bed/@no", "2|1"),
        ("//note/preceding::plant", "sage|mint"),
        ("/house/bed[1]/following::temp", "19|20"),
        ("//plant[. = 'sage']/self::plant", "sage"),
        ("/house/(bed, note)/(plant|b)", "mint|sage|b"),
        ("//@no | //@name", "1|2|3|fern"),
        ("/house/processing-instruction()", "nothing"),
        ("/", "mint21.5sage1920abc"),
    ]);
}

#[test]
fn positions() {
    all(&[
        ("//bed[1]/@no", "1|3"),
        ("(//bed)[1]/@no", "1"),
        ("(//bed)[last()]/@no", "3"),
        ("//bed[last()]/@no", "2|3"),
        ("/house/bed[position() < 2]/@no", "1"),
        ("/house/bed[1.9]/@no", "1"),
        ("/house/bed[0]", "nothing"),
        ("/house/bed[last() - 1]/@no", "1"),
        ("/house/bed[temp][2]/@no", "2"),
        ("//note/preceding-sibling::bed[1]/@no", "2"),
        ("//bed[count(temp) = 2]/@no", "2"),
        ("//bed[count(temp)]/@no", "1|2"),
        ("/house/bed['x']/@no", "1|2"),
    ]);
    // Outside of predicates: the place among all siblings.
    let document = document(HOUSE);
    let beds = Expression::compile("//bed").unwrap();
    let beds = beds.select(&document, document.root(), document.root(), &Work::new(100)).unwrap();
    let places: Vec<_> = beds.iter().map(|&n| at(&document, "concat(position(), '/', last())", n, n)).collect();
    assert_eq!(places, ["\"1/5\"", "\"2/5\"", "\"1/1\""]);
}

#[test]
fn absolute_paths_begin_at_the_root_that_is_given() {
    let document = document(HOUSE);
    let bed = Expression::compile("//bed[2]").unwrap();
    let bed = bed.select(&document, document.root(), document.root(), &Work::new(100)).unwrap()[0];
    assert_eq!(at(&document, "count(//temp)", bed, bed), "2");
    assert_eq!(at(&document, "count(//temp)", bed, document.root()), "3");
    assert_eq!(at(&document, "../@name", bed, bed), "fern");
}

#[test]
fn numbers() {
    all(&[
        ("1 + 2 * 3 - 4 div 2", "5"),
        ("-3 mod 2", "-1"),
        ("10 mod 3", "1"),
        ("- - 2", "2"),
        ("1 div 0", "inf"),
        ("count(//bed)*2", "6"),
        ("sum(//temp)", "60.5"),
        ("sum(//plant)", "0"),
        ("number(//none)", "NaN"),
        ("number(' 1e2 ')", "100"),
        ("number(true())", "1"),
        ("round(2.5)", "3"),
        ("round(-1.5)", "-1"),
        ("round(-2.6)", "-3"),
        ("floor(-3.25)", "-4"),
        ("ceiling(1.5)", "2"),
        ("'a' + 1", "NaN"),
        ("//bed[1]/temp + 1", "22.5"),
        (".5", "0.5"),
        ("string-length('größe')", "5"),
    ]);
}

#[test]
fn comparisons() {
    all(&[
        ("//temp > 21", "true"),
        ("//temp > 22", "false"),
        ("20 = //temp", "true"),
        ("22 < //temp", "false"),
        ("//temp = '20'", "true"),
        ("//temp != '20'", "true"),
        ("//plant = //note", "false"),
        ("//temp = //bed[2]/temp", "true"),
        ("'10' < '9'", "false"),
        ("'b' > 'a'", "false"),
        ("1 = 1 or 2 = 3 and 4 = 5", "true"),
        ("1 < 2 < 3", "true"),
        ("//none = true()", "false"),
        ("true() = //bed", "true"),
        ("'1' = 1", "true"),
        ("boolean('false')", "true"),
        ("boolean(0)", "false"),
        ("boolean(//none)", "false"),
        ("reverse(//temp) = 19", "true"),
    ]);
}

#[test]
fn texts() {
    all(&[
        ("string(//bed[2]/plant)", "\"sage\""),
        ("string(1000000)", "\"1000000\""),
        ("string(0.1 + 0.2)", "\"0.30000000000000004\""),
        ("string(-1 div 0)", "\"-Infinity\""),
        ("concat('a', 1, true(), //none)", "\"a1true\""),
        ("starts-with('mint', 'mi')", "true"),
        ("ends-with(//plant, 'nt')", "true"),
        ("contains('mint', '')", "true"),
        ("substring('12345', 2, 3)", "\"234\""),
        ("substring('12345', 1.5, 2.6)", "\"234\""),
        ("substring('12345', 0, 3)", "\"12\""),
        ("substring('12345', 2)", "\"2345\""),
        ("substring('12345', 0 div 0, 3)", "\"\""),
        ("substring('12345', -1 div 0)", "\"12345\""),
        ("substring-before('a=b=c', '=')", "\"a\""),
        ("substring-after('a=b=c', '=')", "\"b=c\""),
        ("substring-after('abc', '')", "\"\""),
        ("normalize-space('  a \n b  ')", "\"a b\""),
        ("translate('bar', 'abr', 'AB')", "\"BA\""),
        ("lower-case('ÄB')", "\"äb\""),
        ("matches('mint', '^m.*t$')", "true"),
        ("replace('a1b22', '[0-9]+', '<$0>')", "\"a<1>b<22>\""),
        ("string-join(//@no, ',')", "\"1,2,3\""),
        ("string-join(reverse(//@no), '')", "\"321\""),
        ("name(//x:shed)", "\"x:shed\""),
        ("local-name(//x:shed)", "\"shed\""),
        ("namespace-uri(//x:shed)", "\"urn:x\""),
        ("name(//@no)", "\"no\""),
    ]);
}

#[test]
fn errors_of_expressions() {
    for (query, error) in [
        ("", "expected a name or a value, not the end at byte 0"),
        ("a[", "expected a name or a value, not the end at byte 2"),
        ("a]", "expected an operator or the end, not \"]\" at byte 1"),
        ("///", "expected a name or a value, not \"/\" at byte 2"),
        ("1 +", "expected a name or a value, not the end at byte 3"),
        ("'a", "text without a closing quote at byte 0"),
        ("id('a')", "unknown function id() at byte 0"),
        ("up::a", "unknown axis \"up\" at byte 0"),
        ("$a", "variables are not known at byte 0"),
        ("count()", "count() takes 1 arguments, not 0 at byte 0"),
        ("substring('a')", "substring() takes 2 to 3 arguments, not 1 at byte 0"),
        ("concat('a')", "concat() takes at least 2 arguments, not 1 at byte 0"),
        ("a#b", "unexpected character at byte 1"),
    ] {
        assert_eq!(Expression::compile(query).unwrap_err().to_string(), error, "{query}");
    }
    assert!(Expression::compile("matches(a, '[')").unwrap_err().cause.contains("compile pattern"));
    assert!(ask("replace('a', concat('[', ''), 'x')").starts_with("fault: compile pattern"));
}

#[test]
fn nothing_nests_or_runs_without_end() {
    let deep = format!("{}1{}", "(".repeat(200), ")".repeat(200));
    assert!(Expression::compile(&deep).unwrap_err().cause.contains("nested deeper"));
    assert!(Expression::compile(&"a/".repeat(500)).unwrap_err().cause.contains("steps"));
    let long = vec!["1"; 20_000].join("+");
    let document = document(HOUSE);
    assert_eq!(at(&document, &long, document.root(), document.root()), "20000");
    let query = Expression::compile("count(//*[count(//*[count(//*) > 0]) > 0])").unwrap();
    let fault = query.answer(&document, document.root(), document.root(), &Work::new(1000)).unwrap_err();
    assert_eq!(fault, Fault::TooMuchWork);
    let mut builder = Builder::new(|document, node| document.inner_text(node));
    let error = (0..1000).find_map(|_| builder.open("a").err());
    assert_eq!(error, Some(TooLarge::Depth));
}

/// Any text is compiled or refused, and what compiles can be evaluated.
#[test]
fn any_expression_is_answered_or_refused() {
    let pieces = [
        "a",
        "bed",
        "//",
        "/",
        "[",
        "]",
        "(",
        ")",
        "@no",
        "*",
        "1",
        "'x'",
        "|",
        "=",
        "<",
        " and ",
        " or ",
        " div ",
        "-",
        "+",
        ",",
        "..",
        ".",
        "position()",
        "last()",
        "count(",
        "not(",
        "string(",
        "concat(",
        "text()",
        "ancestor::",
        "following::",
        "preceding::",
        "x:",
        "::",
        "$",
        "replace(",
        "reverse(",
    ];
    let document = document(HOUSE);
    let mut seed = 7u64;
    let mut next = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let mut compiled = 0;
    for _ in 0..20_000 {
        let text: String = (0..=next(8)).map(|_| pieces[next(pieces.len())]).collect();
        let Ok(query) = Expression::compile(&text) else { continue };
        compiled += 1;
        let root = document.root();
        let answer = query.answer(&document, root, root, &Work::new(100_000));
        let nodes = query.select(&document, root, root, &Work::new(100_000));
        if let (Ok(Answer::Node(first)), Ok(nodes)) = (answer, nodes) {
            assert_eq!(first, nodes.first().copied(), "{text}");
        }
    }
    assert!(compiled > 1000, "{compiled}");
}

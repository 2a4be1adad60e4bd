//! The loadable modules.

use super::{check_scripts, run};

fn check_with(load: &str, table: &[(&str, &str)]) {
    for (expression, expected) in table {
        check_scripts(&[(&format!("{load}\nout = {expression}"), expected)]);
    }
}

#[test]
fn json() {
    check_with(
        "load('json.star', 'json')",
        &[
            (
                r#"json.encode({"b": [1, 2.5, "x", None, True], "a": {"k": "v\"q"}})"#,
                r#""{\"a\":{\"k\":\"v\\\"q\"},\"b\":[1,2.5,\"x\",null,true]}""#,
            ),
            ("json.encode([1.0, 1e20, (), set([1]), 1 << 80])", r#""[1.0,1e+20,[],[1],1208925819614629174706176]""#),
            ("json.encode('é<\\n')", r#""\"é\\u003c\\n\"""#),
            ("json.encode('a<b')", r#""\"a<b\"""#),
            (
                r#"json.decode('{"name":"äé","n":5,"f":5.0,"list":[1,-2e3],"null":null,"sub":{"x":true}} ')"#,
                r#"{"name": "äé", "n": 5, "f": 5.0, "list": [1, -2000.0], "null": None, "sub": {"x": True}}"#,
            ),
            (r#"json.decode('"\\u00e9\\ud83d\\ude00\\n\\"\\/"')"#, "\"é😀\\n\\\"/\""),
            ("json.decode('{broken', default='bad'), json.decode('[]'), json.decode('{}')", r#"("bad", [], {})"#),
            (
                r#"json.indent('{"a":[1,2],"b":{}, "c": "x,y"}', prefix="", indent=" ")"#,
                r#""{\n \"a\": [\n  1,\n  2\n ],\n \"b\": {},\n \"c\": \"x,y\"\n}""#,
            ),
            ("type(json), json", r#"("module", <module "json">)"#),
            (
                r#"json.encode_indent({"b": [1, {}], "a": "x"}, indent=" ")"#,
                r#""{\n \"a\": \"x\",\n \"b\": [\n  1,\n  {}\n ]\n}""#,
            ),
            ("dir(json)", r#"["decode", "encode", "encode_indent", "indent"]"#),
        ],
    );
    let failures = [
        ("json.decode('{broken')", "json.decode: at offset 1, unexpected character 'b'"),
        ("json.decode('[1,')", "json.decode: at offset 3, unexpected end of file"),
        ("json.decode('1 2')", "json.decode: at offset 2, unexpected character '2' after value"),
        ("json.decode('01')", "json.decode: at offset 2, invalid number: 01"),
        ("json.encode({1: 2})", "json.encode: dict has int key, want string"),
        ("json.encode([len])", "json.encode: at list index 0: cannot encode builtin_function_or_method as JSON"),
        ("json.encode(float('nan'))", "json.encode: cannot encode non-finite float nan"),
        ("json.nope", "module has no .nope field or method"),
    ];
    for (expression, expected) in failures {
        let error = run(&format!("load('json.star', 'json')\nout = {expression}")).unwrap_err();
        assert_eq!(error.message(), expected, "{expression}");
    }
}

#[test]
fn math() {
    check_with(
        "load('math.star', 'math')",
        &[
            (
                "math.sqrt(4), math.pow(4, 3), math.ceil(4.1), math.floor(4.9), math.round(2.5), math.fabs(-4)",
                "(2.0, 64.0, 5, 4, 3.0, 4.0)",
            ),
            (
                "math.log(math.e), math.log(8, 2), math.exp(1), math.mod(7.5, 2), math.remainder(7.5, 2)",
                "(1.0, 3.0, 2.718281828459045, 1.5, -0.5)",
            ),
            (
                "math.hypot(3, 4), math.sin(math.pi / 2), math.atan2(1, 1), math.degrees(math.pi), math.radians(180)",
                "(5.0, 1.0, 0.7853981633974483, 180.0, 3.141592653589793)",
            ),
            (
                "math.copysign(3, -1), math.gamma(5), [int(1e9 * math.gamma(x)) for x in (0.5, -1.5, 2.5)], int(math.gamma(171) / 1e300)",
                "(-3.0, 24.0, [1772453850, 2363271801, 1329340388], 7257415)",
            ),
            ("math.remainder(5, 2), math.remainder(-5, 2), math.remainder(6, 4)", "(1.0, -1.0, -2.0)"),
            (
                "math.acosh(100), math.acosh(1.5), math.acosh(1e16), math.asinh(6), math.asinh(-0.3), math.atanh(0.3), math.atanh(-0.7)",
                "(5.298292365610484, 0.9624236501192069, 37.53450866846468, 2.491779852644912, -0.29567304756342244, 0.30951960420311175, -0.8673005276940531)",
            ),
            ("math.ceil(5), type(math.ceil(1.5)), math.asinh(0), math.tanh(0)", r#"(5, "int", 0.0, 0.0)"#),
        ],
    );
}

#[test]
fn time() {
    check_with(
        "load('time.star', 'time')",
        &[
            ("time.now().unix, time.now().unix_nano, time.now().nanosecond", "(1700000000, 1700000000000000001, 1)"),
            (
                "time.parse_time('2023-11-14T22:13:20Z').unix, time.parse_time('2023-11-14T23:13:20.5+01:00').unix_nano",
                "(1700000000, 1700000000500000000)",
            ),
            ("time.parse_time('2023-11-14T23:13:20+01:00').hour", "23"),
            ("time.parse_time('14/11/2023 22:13', format='02/01/2006 15:04').unix", "1699999980"),
            ("time.parse_time('2023-07-01 12:00', '2006-01-02 15:04', 'Europe/Paris').unix", "1688205600"),
            ("time.from_timestamp(1700000000, 5).in_location('UTC')", "2023-11-14 22:13:20.000000005 +0000 UTC"),
            (
                "time.from_timestamp(1700000000).in_location('America/New_York').format('2006-01-02T15:04:05Z07:00')",
                r#""2023-11-14T17:13:20-05:00""#,
            ),
            (
                "[getattr(time.time(year=2024, month=2, day=29, hour=1, minute=2, second=3, nanosecond=4), f) for f in ['year', 'month', 'day', 'hour', 'minute', 'second', 'nanosecond', 'unix']]",
                "[2024, 2, 29, 1, 2, 3, 4, 1709168523]",
            ),
            ("time.time(2023, 14, 31, location='Europe/Berlin')", "2024-03-02 00:00:00 +0100 CET"),
            (
                "time.parse_duration('1h15m30.5s'), time.parse_duration('1m').seconds, time.hour.minutes",
                "(1h15m30.5s, 60.0, 60.0)",
            ),
            (
                "time.second * 90, 2 * time.minute, time.hour / time.minute, time.hour // time.minute, time.hour / 2",
                "(1m30s, 2m0s, 60.0, 60, 30m0s)",
            ),
            (
                "time.millisecond.microseconds, time.second.nanoseconds, time.second.milliseconds",
                "(1000, 1000000000, 1000)",
            ),
            (
                "time.hour - time.minute, time.hour + time.second, -time.second, time.hour > time.minute",
                "(59m0s, 1h0m1s, -1s, True)",
            ),
            (
                "(time.now() + time.hour - time.now()), time.now() < time.now() + time.second, (time.now() - time.second).unix",
                "(1h0m0s, True, 1699999999)",
            ),
            (
                "type(time.now()), type(time.hour), time.is_valid_timezone('Europe/Berlin'), time.is_valid_timezone('No/Where')",
                r#"("time.time", "time.duration", True, False)"#,
            ),
        ],
    );
    let error = run("load('time.star', 'time')\nout = time.parse_time('x')").unwrap_err();
    assert!(error.message().starts_with("parse_time: parse time \"x\""), "{error}");
    assert!(run("load('time.star', 'time')\nout = time.hour // 0").is_err());
}

#[test]
fn loading() {
    check_scripts(&[("load('json.star', j='json')\nout = j.encode(1)", r#""1""#)]);
    for (script, expected) in [
        ("load('nope.star', 'x')", "test.star:1:1: cannot load nope.star: no such module"),
        ("load('json.star', 'x')", "test.star:1:1: load: name x not found in module json.star"),
        ("load('json.star')", "test.star:1:18: load statement must import at least 1 symbol"),
        ("def f():\n  load('json.star', 'json')", "test.star:2:3: load statement within a function"),
    ] {
        assert_eq!(run(script).unwrap_err().message(), expected, "{script}");
    }
}

//! Errors of all phases, their places and traces, and the limits.

use super::toy::{self, Toy};
use super::{check_scripts, run};
use crate::{Options, Script};

#[test]
fn syntax() {
    for (script, expected) in [
        ("def apply(metric)\n  return metric", "test.star:1:18: got newline, want ':'"),
        ("x = ", "test.star:1:5: got newline, want primary expression"),
        ("x = (1", "test.star:2:1: got identifier, want ')'"),
        ("x = 'abc", "test.star:1:5: unexpected newline in string"),
        ("x = 1 +* 2", "test.star:1:8: got '*', want primary expression"),
        ("if x:\npass", "test.star:2:1: got pass, want indent"),
        ("class X: pass", "test.star:1:1: class is a reserved keyword"),
        ("x = 'a\\d'", "test.star:1:5: invalid escape sequence \\d"),
        ("x = 1 < 2 < 3", "test.star:1:11: < does not associate with < (use parens)"),
        ("x = 0777", "test.star:1:5: obsolete form of octal literal; use 0o"),
        ("  x = 1", "test.star:1:3: got indent, want primary expression"),
        ("if 1:\n    x = 1\n  y = 2", "test.star:3:3: unindent does not match any outer indentation level"),
        ("f(a=1, 2)", "test.star:1:8: positional argument may not follow named"),
        ("f(a=1, a=2)", "test.star:1:10: keyword argument \"a\" is repeated"),
        ("def f(a, a): pass", "test.star:1:10: duplicate parameter: a"),
        ("def f(a=1, b): pass", "test.star:1:12: required parameter may not follow optional"),
        ("1 = 2", "test.star:1:1: can't assign to this expression"),
        ("x = $", "test.star:1:5: unexpected input character '$'"),
        ("return 1", "test.star:1:1: return statement not within a function"),
        ("break", "test.star:1:1: break not in a loop"),
        ("def f():\n  return nosuchname", "test.star:2:10: undefined: nosuchname"),
        ("x = ]", "test.star:1:5: unexpected ']'"),
    ] {
        assert_eq!(run(script).unwrap_err().message(), expected, "{script}");
    }
    let nested = format!("x = {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(run(&nested).unwrap_err().message().ends_with("too deep nesting"));
    let chain = format!("x = {}", vec!["1"; 5000].join(" + "));
    assert!(run(&chain).unwrap_err().message().ends_with("too deep nesting"));
    let blocks: String = (0..200).map(|depth| format!("{}if 1:\n", " ".repeat(depth))).collect();
    assert!(run(&blocks).is_err());
}

#[test]
fn traceback() {
    let source = "def inner(x):\n  return x + 'a'\n\ndef apply(m):\n  return inner(1)\n\napply(2)\n";
    let error = run(source).unwrap_err();
    assert_eq!(
        error.traceback(),
        "Traceback (most recent call last):\n  test.star:7:6: in <toplevel>\n  test.star:5:15: in apply\n  \
         test.star:2:12: in inner\nError: unknown binary op: int + string"
    );
    assert_eq!(error.to_string(), "unknown binary op: int + string");
    let error = run("def f():\n  fail('no twos')\nf()").unwrap_err();
    assert!(
        error.traceback().ends_with("  test.star:2:7: in f\nError in fail: fail: no twos"),
        "{}",
        error.traceback()
    );
    let error = run("def f(x): return 1 // x\nsorted([1, 0], key=f)").unwrap_err();
    assert!(
        error.traceback().contains("in <toplevel>\n  test.star:1:20: in f\nError: floored"),
        "{}",
        error.traceback()
    );
    let sites: Vec<_> = error.sites().map(|site| (site.function.as_str(), site.position.line)).collect();
    assert_eq!(sites, [("<toplevel>", 2), ("f", 1)]);
}

#[test]
fn unset_variables() {
    for (script, expected) in [
        ("def f():\n  if False:\n    x = 1\n  return x\nf()", "local variable x referenced before assignment"),
        ("def f():\n  y = x\n  x = 1\nf()", "local variable x referenced before assignment"),
        ("def f():\n  def g(): return x\n  g()\n  x = 1\nf()", "local variable x referenced before assignment"),
        ("y = x\nx = 1", "global variable x referenced before assignment"),
        ("def f():\n  for i in []: pass\n  return i\nf()", "local variable i referenced before assignment"),
        (
            "def f():\n  x = [y for z in [1] for y in y]\nf()",
            "test.star:2:32: local variable y referenced before assignment",
        ),
    ] {
        assert_eq!(run(script).unwrap_err().message(), expected, "{script}");
    }
}

#[test]
fn changes_during_loops() {
    for (script, expected) in [
        ("l = [1]\nfor x in l: l.append(1)", "append: cannot append to list during iteration"),
        ("l = [1]\nfor x in l: l[0] = 2", "cannot assign to element of list during iteration"),
        ("d = {1: 2}\nfor x in d: d[5] = 1", "cannot insert into hash table during iteration"),
        ("d = {1: 2}\nfor x in d: d.pop(1)", "pop: cannot delete from hash table during iteration"),
        ("s = set([1])\nfor x in s: s.add(2)", "add: cannot insert into hash table during iteration"),
        ("m = Metric('x')\nm.fields['a'] = 1\nfor k in m.fields: m.fields['b'] = 2", "cannot insert during iteration"),
    ] {
        assert_eq!(run(script).unwrap_err().message(), expected, "{script}");
    }
    check_scripts(&[
        ("l = [1, 2]\ndef f():\n  for x in l:\n    fail('x')\ncatch(f)\nl.append(3)\nout = l", "[1, 2, 3]"),
        ("d = {1: 2}\nfor k in d.keys(): d[k + 1] = 0\nout = d", "{1: 2, 2: 0}"),
    ]);
}

#[test]
fn unpacking() {
    for (script, expected) in [
        ("a, b = 1, 2, 3", "too many values to unpack (got 3, want 2)"),
        ("a, b = (1,)", "too few values to unpack (got 1, want 2)"),
        ("a, b = 5", "got int in sequence assignment"),
    ] {
        assert_eq!(run(script).unwrap_err().message(), expected, "{script}");
    }
}

#[test]
fn limits() {
    for (script, expected) in [
        ("while True: pass", "Starlark computation cancelled: too many steps"),
        ("def f(): return f()\nf()", "call stack too deep"),
        ("def f(x): return sorted([1], key=f)\nf(1)", "too deep nesting of calls through builtins"),
        ("x = 'x' * 1000\nfor i in range(1000): x = x + x", "script exceeds its memory limit of 16777216 bytes"),
        ("l = []\nwhile True: l.append([0] * 100)", "script exceeds its memory limit of 16777216 bytes"),
        ("l = [[]]\nwhile True: l = [l] * 1000", "excessive repeat (1 * 1000 elements)"),
        ("def f():\n  while True: pass\ncatch(f)", "Starlark computation cancelled: too many steps"),
        ("x = list(range(1000))\nwhile True: x.index(999)", "Starlark computation cancelled: too many steps"),
    ] {
        let error = run(script).unwrap_err();
        if expected.starts_with("excessive") {
            assert!(error.message().starts_with("excessive") || error.message().contains("limit"), "{script}: {error}");
        } else {
            assert_eq!(error.message(), expected, "{script}");
        }
    }
    // Garbage alone must not count.
    check_scripts(&[("s = ''\nfor i in range(20000): s += 'x'\nout = len(s)", "20000")]);
    // A deep structure must neither overflow the stack when shown nor when compared or hashed.
    for use_it in ["repr(l)", "l == [l]", "str({'a': l})"] {
        let script = format!("l = []\nfor i in range(100000): l = [l]\nout = catch(lambda: {use_it})");
        run(&script).unwrap();
    }
    run("t = ()\nfor i in range(100000): t = (t,)\nout = catch(lambda: {t: 1})").unwrap();
}

#[test]
fn endless_recursion_ends_in_time_without_a_step_limit() {
    let mut host = Toy::default();
    let error = Script::load("def f(n): return f(n + 1)\nf(0)", "x.star", &Options { ..toy::OPTIONS }, &mut host);
    assert_eq!(error.unwrap_err().message(), "call stack too deep");
}

//! Functions: parameters, closures, recursion, calls with `*` and `**`.

use super::{check_errors, check_scripts};

#[test]
fn parameters() {
    let add = "def add(a, b=10, *args, **kwargs):\n  t = a + b\n  for x in args:\n    t += x\n  for k in kwargs:\n    t += kwargs[k]\n  return t\n";
    let cases = [
        ("add(1)", "11"),
        ("add(1, 2, 3, 4, x=5)", "15"),
        ("add(b=1, a=2)", "3"),
        ("add(*[1, 2], **{'y': 3})", "6"),
        ("add(1, *(2, 3), z=1, **{'y': 3})", "10"),
    ];
    for (call, expected) in cases {
        check_scripts(&[(&format!("{add}out = {call}"), expected)]);
    }
    check_scripts(&[
        ("def f(a, *, b, c=3): return (a, b, c)\nout = [f(1, b=2), f(b=1, a=2, c=0)]", "[(1, 2, 3), (2, 1, 0)]"),
        (
            "def f(*a, b=1, **k): return (a, b, k)\nout = [f(), f(1, 2, b=3, c=4)]",
            r#"[((), 1, {}), ((1, 2), 3, {"c": 4})]"#,
        ),
        ("def f(a=[]):\n  a = a + [1]\n  return a\nout = [f(), f()]", "[[1], [1]]"),
        ("x = 1\ndef f(a=x): return a\nx = 2\nout = f()", "1"),
        ("def f(a, b): return a - b\nout = [f(**{'b': 1, 'a': 5}), f(*[3], **{'b': 1}), f(b=3, *[4])]", "[4, 2, 1]"),
        ("out = (lambda x, *y, z=2: (x, y, z))(1, 5)", "(1, (5,), 2)"),
        (
            "def f(): pass\nout = [f(), f, len, 'x'.upper, (lambda: 1)]",
            r#"[None, <function f>, <built-in function len>, <built-in method upper of string value>, <function lambda>]"#,
        ),
    ]);
}

#[test]
fn closures() {
    check_scripts(&[
        (
            "def counter(start):\n  box = [start]\n  def inc(by=1):\n    box[0] += by\n    return box[0]\n  return inc\nc = counter(5)\nc()\nout = [c(10), counter(0)()]",
            "[16, 1]",
        ),
        ("def f():\n  x = 1\n  def g():\n    def h(): return x\n    return h()\n  x = 2\n  return g()\nout = f()", "2"),
        (
            "def f(n):\n  fs = [lambda: n + i for i in range(3)]\n  return [g() for g in fs]\nout = f(10)",
            "[12, 12, 12]",
        ),
        ("def f(a, b):\n  return lambda: (a, b)\nout = f(1, b=2)()", "(1, 2)"),
        ("def fact(n): return 1 if n < 2 else n * fact(n - 1)\nout = fact(20)", "2432902008176640000"),
        ("def f():\n  def g(n): return n if n == 0 else g(n - 1)\n  return g(5)\nout = f()", "0"),
        ("fs = [(lambda: i) for i in range(2)]\nout = [f() for f in fs]", "[1, 1]"),
        ("def f():\n  x = 5\n  return [x + y for y in [1] for z in [lambda: x] if z() == x]\nout = f()", "[6]"),
    ]);
}

#[test]
fn inspection() {
    check_scripts(&[
        (
            "out = [type(x) for x in [None, True, 1, 1.5, 's', [], (), {}, lambda: 1, range(1), set([1]), len, b'', 1 << 90, 'x'.elems()]]",
            r#"["NoneType", "bool", "int", "float", "string", "list", "tuple", "dict", "function", "range", "set", "builtin_function_or_method", "bytes", "int", "string.elems"]"#,
        ),
        (
            "out = [hasattr('x', 'upper'), hasattr('x', 'nope'), getattr('x', 'upper')(), getattr('x', 'nope', 3)]",
            r#"[True, False, "X", 3]"#,
        ),
        (
            "out = [catch(lambda: 1), catch(lambda: 1 // 0), catch(lambda: fail('a', 1, sep='-'))]",
            r#"[None, "floored division by zero", "fail: a-1"]"#,
        ),
        ("m = 'a,b'.split\nout = m(',')", r#"["a", "b"]"#),
    ]);
}

#[test]
fn failures() {
    check_errors(&[
        ("(lambda a: a)()", "function lambda missing 1 argument (a)"),
        ("(lambda a, b: a)()", "function lambda missing 2 arguments (a, b)"),
        ("(lambda: 1)(2)", "function lambda accepts no arguments (1 given)"),
        ("(lambda a: 1)(1, 2)", "function lambda accepts 1 positional argument (2 given)"),
        ("(lambda a, b=1: 1)(1, 2, 3)", "function lambda accepts at most 2 positional arguments (3 given)"),
        ("(lambda a: 1)(b=1, a=1)", "function lambda got an unexpected keyword argument \"b\""),
        ("(lambda a: 1)(1, a=1)", "function lambda got multiple values for parameter \"a\""),
        ("(lambda *, a: 1)()", "function lambda missing 1 argument (a)"),
        ("len(*5)", "argument after * must be iterable, not int"),
        ("len(**5)", "argument after ** must be a mapping, not int"),
        ("len()", "len: got 0 arguments, want 1"),
        ("len(x=1)", "len: unexpected keyword arguments"),
        ("sorted([], by=1)", "sorted: unexpected keyword argument \"by\""),
        ("5()", "invalid call of non-function (int)"),
        ("getattr('x', 'nope')", "getattr: string has no .nope field or method"),
    ]);
}

//! Lists, tuples, dictionaries, sets and ranges.

use super::{check, check_errors, check_scripts};

#[test]
fn lists_and_tuples() {
    check(&[
        ("[1, 2] + [3], (1,) + (2,), [0] * 3, (1, 2) * 2", "([1, 2, 3], (1, 2), [0, 0, 0], (1, 2, 1, 2))"),
        ("[1, 2, 3][1:], [1, 2, 3][::2], [1, 2, 3][-1], (1, 2, 3)[::-1]", "([2, 3], [1, 3], 3, (3, 2, 1))"),
        ("(), (1,), [], [(), [()]]", "((), (1,), [], [(), [()]])"),
        (
            "2 in [1, 2], 3 not in (1, 2), [1, 2] < [1, 3], [1] < [1, 0], (1, 2) == (1, 2)",
            "(True, True, True, True, True)",
        ),
        (
            "sorted([3, 1, 2]), sorted([3, 1, 2], reverse=True), sorted(['bb', 'a', 'ccc'], key=len)",
            r#"([1, 2, 3], [3, 2, 1], ["a", "bb", "ccc"])"#,
        ),
        (
            "sorted([('a', 2), ('b', 1), ('c', 2)], key=lambda p: p[1], reverse=True)",
            r#"[("a", 2), ("c", 2), ("b", 1)]"#,
        ),
        (
            "list(enumerate(['p', 'q'], 1)), list(zip([1, 2], ['a', 'b', 'c'])), zip()",
            r#"([(1, "p"), (2, "q")], [(1, "a"), (2, "b")], [])"#,
        ),
        (
            "reversed([1, 2]), list((1, 2)), tuple([1]), any([0, '', 1]), all([1, 'a']), all([])",
            "([2, 1], [1, 2], (1,), True, True, True)",
        ),
        ("max(['a', 'bbb', 'cc'], key=lambda s: len(s)), min('b', 'a'), max({'x': 1, 'y': 2})", r#"("bbb", "a", "y")"#),
        ("dir([])", r#"["append", "clear", "extend", "index", "insert", "pop", "remove"]"#),
        ("[x for x in [[3, 1], [2]] if x], [y for x in [[3, 1], [2]] for y in x]", "([[3, 1], [2]], [3, 1, 2])"),
        ("[x * y for x in range(1, 4) for y in (1, 10) if x != 2]", "[1, 10, 3, 30]"),
    ]);
    check_scripts(&[
        (
            "l = [3, 1]\nl.append(5)\nl.extend((4, 4))\nl.insert(0, 9)\nl.insert(-1, 8)\nl.remove(4)\nout = [l, l.pop(), l.pop(0), l.index(1), l]",
            "[[3, 1, 5, 8], 4, 9, 1, [3, 1, 5, 8]]",
        ),
        ("a = [1]\nb = a\na += [2]\na = a + [3]\nout = (a, b)", "([1, 2, 3], [1, 2])"),
        ("l = [1]\nl.append(l)\nout = l", "[1, [...]]"),
        ("x = [1, 2]\nx[0], x[1] = x[1], x[0]\nx[-1] *= 10\nout = x", "[2, 10]"),
        ("x = 5\nout = [[x for x in range(2)], x]", "[[0, 1], 5]"),
        ("x = [1, 2]\nx = [y for y in x if y in x] + x\nout = x", "[1, 2, 1, 2]"),
    ]);
}

#[test]
fn dictionaries() {
    check(&[
        ("{'b': 1, 'a': 2}, {}, {1: {2: 3}}", r#"({"b": 1, "a": 2}, {}, {1: {2: 3}})"#),
        ("{k: v for k, v in [('a', 1), ('b', 2)] if v > 1}", r#"{"b": 2}"#),
        ("dict([('a', 1)], b=2), dict({'x': 1}, x=2), dict(a=1)", r#"({"a": 1, "b": 2}, {"x": 2}, {"a": 1})"#),
        ("{'a': 1} | {'a': 2, 'b': 3}, {1: 2} == {1.0: 2}, {'a': 1} == {'a': 2}", r#"({"a": 2, "b": 3}, True, False)"#),
        ("'a' in {'a': 1}, 'b' not in {'a': 1}, {(1, 2): 3}[(1, 2)], {1: 'x'}[1.0]", r#"(True, True, 3, "x")"#),
        (
            "[1] in {1: 2}, range(3, 8)[7:-4], str(b'ab'), '%s' % b'ab', b'abc'[-1]",
            r#"(False, range(8, 8), "ab", "b\"ab\"", b"c")"#,
        ),
        ("{'a': 1}.get('a'), {}.get('a'), {}.get('a', 5), len({'a': 1})", "(1, None, 5, 1)"),
        ("{'a': 1}.items(), {'a': 1}.keys(), {'a': 1}.values(), list({'a': 1})", r#"([("a", 1)], ["a"], [1], ["a"])"#),
    ]);
    check_scripts(&[
        (
            "d = {'a': 1}\nd['b'] = 2\nd['a'] += 10\nd.update([('c', 3)], d=4)\nout = d",
            r#"{"a": 11, "b": 2, "c": 3, "d": 4}"#,
        ),
        (
            "d = {'a': 1, 'b': 2, 'c': 3}\nout = [d.pop('b'), d.pop('z', None), d.popitem(), d, d.setdefault('a', 7), d.setdefault('n')]",
            r#"[2, None, ("a", 1), {"c": 3, "a": 7, "n": None}, 7, None]"#,
        ),
        (
            "d = {}\nfor i in range(1000):\n  d[str(i)] = i\nfor i in range(990):\n  d.pop(str(i))\nd['x'] = 1\nout = (len(d), list(d)[0], d['999'], '5' in d)",
            r#"(11, "990", 999, False)"#,
        ),
        (
            "d = {i: i for i in range(100)}\nfor i in range(100):\n  d.popitem()\n  d[1000 + i] = i\nout = (len(d), d.popitem())",
            "(100, (1000, 0))",
        ),
        ("d = {}\nd['self'] = d\nout = d", r#"{"self": {...}}"#),
    ]);
}

#[test]
fn sets_and_ranges() {
    check(&[
        ("set([1, 2, 1]), set(), len(set('ab'.elems()))", "(set([1, 2]), set([]), 2)"),
        (
            "set([1, 2]) | set([3]), set([1, 2]) & set([2]), set([1, 2]) - set([2]), set([1, 2]) ^ set([2, 3])",
            "(set([1, 2, 3]), set([2]), set([1]), set([1, 3]))",
        ),
        (
            "set([1]).union([2], [3]), set([1, 2]).difference([1]), set([1, 2]).intersection([2, 3])",
            "(set([1, 2, 3]), set([2]), set([2]))",
        ),
        (
            "set([1]).issubset([1, 2]), set([1, 2]) >= set([1]), set([1]) < set([1]), set([1, 2]) == set([2, 1])",
            "(True, True, False, True)",
        ),
        (
            "range(5), range(1, 5), range(0, 10, 2), range(5)[1:3], range(10)[2], len(range(10, 0, -3))",
            "(range(5), range(1, 5), range(0, 10, 2), range(1, 3), 2, 4)",
        ),
        (
            "list(range(10, 0, -3)), 4 in range(0, 10, 2), 5 in range(0, 10, 2), range(0) == range(5, 5)",
            "([10, 7, 4, 1], True, False, True)",
        ),
        (
            "[i for i in range(3)], range(0, 10, 3)[::-1], list(range(0, 10, 3)[::-1])",
            "([0, 1, 2], range(9, -3, -3), [9, 6, 3, 0])",
        ),
    ]);
    check_scripts(&[(
        "s = set([1])\ns.add(2)\ns.discard(9)\ns.remove(1)\ns |= set([5])\nout = [s, s.pop(), s]",
        "[set([5]), 2, set([5])]",
    )]);
}

#[test]
fn failures() {
    check_errors(&[
        ("[1][3]", "list index 3 out of range [-1:0]"),
        ("[][0]", "index 0 out of range: empty list"),
        ("{'a': 1}['b']", "key \"b\" not in dict"),
        ("{[]: 1}", "unhashable type: list"),
        ("{'a': 1, 'a': 2}", "duplicate key: \"a\""),
        ("{}.pop('x')", "pop: missing key"),
        ("{}.popitem()", "popitem: empty dict"),
        ("[].pop()", "pop: index -1 out of range: empty list"),
        ("[1].remove(2)", "remove: element not found"),
        ("[1].index(2)", "index: value not in list"),
        ("[1, 2][::0]", "zero is not a valid slice step"),
        ("range(1, 2, 0)", "range: step argument must not be zero"),
        ("list(range(1 << 60))", "script exceeds its memory limit of 16777216 bytes"),
        ("len(5)", "len: value of type int has no len"),
        ("list(5)", "list: for parameter 1: got int, want iterable"),
        ("max([])", "max: argument is an empty sequence"),
        ("sorted([1, 'a'])", "string < int not implemented"),
        ("sorted([1], key=5)", "invalid call of non-function (int)"),
        ("dict([(1, 2, 3)])", "dict: dictionary update sequence element #0 has length 3, want 2"),
        ("5[0]", "unhandled index operation int[int]"),
        ("None.x", "NoneType has no .x field or method"),
    ]);
}

#[test]
fn large_tables() {
    let entries: String = (0..40_000).map(|n| format!("'k{n}': {n},\n")).collect();
    let items: String = (0..40_000).map(|n| format!("'i{n}', ")).collect();
    let script = format!("d = {{{entries}}}\nl = [{items}]\nout = [len(d), d['k39999'], len(l), l[39999], l[5]]");
    check_scripts(&[(&script, r#"[40000, 39999, 40000, "i39999", "i5"]"#)]);
}
